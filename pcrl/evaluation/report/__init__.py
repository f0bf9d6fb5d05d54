"""The report of an evaluation: one HTML file that holds everything it shows."""

from pcrl.evaluation.report.curve import write_curve_report
from pcrl.evaluation.report.write import REPORT, write_report

__all__ = ["REPORT", "write_curve_report", "write_report"]
