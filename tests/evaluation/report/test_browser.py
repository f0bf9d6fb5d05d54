"""What the report does in a browser: tables sort and filter, a phone is wide enough, names run nothing."""

import html
import json
import re
import shutil
import subprocess

import pytest

from pcrl.evaluation.report import write_report
from tests.helpers import example_results

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium in PATH")


def said_by(folder, script):
    """What a script says with `say` after it ran in the report, whose policy is taken off for that."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    page = re.sub(r"<meta http-equiv[^>]*>", "", page)
    page = page.replace(
        "<head>", "<head><script>window.alert = () => { window.alerted = true; };</script>", 1
    )
    end = "document.title = JSON.stringify(said);"
    run = f"<script>const said = [], say = (x) => said.push(x); {script}; {end}</script>"
    (folder / "driven.html").write_text(page.replace("</body>", run + "</body>"), encoding="utf-8")
    dom = browse(folder / "driven.html", folder)
    return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", dom, re.DOTALL).group(1)))


def browse(path, folder, *more):
    """The page as it is after its scripts ran."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", *more]
    done = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", path.as_uri()],
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    return done.stdout


COLUMN = """
const table = document.getElementById("every-case");
const heads = Array.from(table.tHead.rows[0].cells);
const column = heads.findIndex((head) => head.textContent.startsWith("%s"));
const exact = (row) => row.cells[column].querySelector("data")?.value ?? null;
const click = () => {
  heads[column].querySelector("button").click();
  say([heads[column].getAttribute("aria-sort"), Array.from(table.tBodies[0].rows, exact)]);
};
"""


def test_sorting_is_by_exact_numbers_and_what_is_undefined_stays_last(tmp_path):
    results = example_results.segmentation()
    write_report(results, tmp_path)
    (one, rising), (two, falling) = said_by(tmp_path, COLUMN % "HD95" + "click(); click()")
    assert (one, two) == ("ascending", "descending")
    values = [case.values["hd95"] for arm in results.arms for case in arm.cases]
    there = sorted(value for value in values if value is not None)
    missing = [None] * values.count(None)
    assert missing
    assert [v if v is None else float(v) for v in rising] == [*there, *missing]
    assert [v if v is None else float(v) for v in falling] == [*reversed(there), *missing]


def test_filtering_hides_rows_and_counts_them(tmp_path):
    write_report(example_results.segmentation(), tmp_path)
    script = """
    const box = document.getElementById("filter");
    const type = (text) => {
      box.value = text; box.dispatchEvent(new Event("input"));
      say(document.querySelectorAll("#every-case tbody tr:not([hidden])").length);
    };
    say(box.parentElement.hidden); type("VOLUME-003 tumour"); say(document.querySelector("[role=status]").textContent);
    type("nobody"); type("")
    """
    assert said_by(tmp_path, script) == [False, 3, "3 of 72 rows", 0, 72]


@pytest.mark.slow
def test_two_thousand_rows_sort(tmp_path):
    write_report(example_results.classification(), tmp_path)
    ((_, values),) = said_by(tmp_path, COLUMN % "probability" + "click()")
    numbers = [float(value) for value in values]
    assert len(numbers) == 2000
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("make", [example_results.segmentation, example_results.tiny])
def test_a_phone_does_not_scroll_sideways(tmp_path, make):
    write_report(make(), tmp_path, example_results.curve())
    frame = '<iframe id="f" src="report.html" width="360" height="700" style="border:0"></iframe>'
    measure = (
        "document.getElementById('f').onload = (e) => { const d = e.target.contentDocument.documentElement;"
        " document.title = [d.clientWidth, d.scrollWidth].join(' '); };"
    )
    (tmp_path / "phone.html").write_text(
        f"<title></title>{frame}<script>{measure}</script>", encoding="utf-8"
    )
    options = "--allow-file-access-from-files", "--virtual-time-budget=5000"
    dom = browse(tmp_path / "phone.html", tmp_path, *options)
    width, needed = map(int, re.search(r"<title>(\d+) (\d+)</title>", dom).groups())
    assert needed <= width <= 360


def test_hostile_names_run_nothing(tmp_path):
    write_report(example_results.tiny(), tmp_path, example_results.curve())
    script = """
    say(window.alerted ?? false);
    for (const tag of ["script", "style"]) say(document.querySelectorAll(tag).length)
    """
    assert said_by(tmp_path, script) == [False, 3, 1]


def test_the_policy_lets_the_script_of_the_page_run(tmp_path):
    write_report(example_results.segmentation(), tmp_path)
    dom = browse(tmp_path / "report.html", tmp_path)
    assert re.search(r'<p class="filter">', dom)
    assert dom.count('<button type="button">') > 20
