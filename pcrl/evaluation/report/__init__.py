"""What an evaluation says of itself: the report, one HTML file that holds all it shows; a model card; a checklist."""

from pcrl.evaluation.report.curve import write_curve_report
from pcrl.evaluation.report.documents.checklist import CHECKLIST, write_checklist
from pcrl.evaluation.report.documents.model_card import MODEL_CARD, write_model_card
from pcrl.evaluation.report.write import REPORT, write_report

__all__ = [
    "CHECKLIST",
    "MODEL_CARD",
    "REPORT",
    "write_checklist",
    "write_curve_report",
    "write_model_card",
    "write_report",
]
