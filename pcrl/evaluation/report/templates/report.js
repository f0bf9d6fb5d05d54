"use strict";

// Without this script everything is there to read; with it tables can be sorted and filtered, and commands copied.

/** What a cell is sorted by: its exact number, a number in its text, or its text; null where it holds no value. */
function keyOf(cell, numeric) {
  const text = cell.textContent.trim();
  if (!numeric) return text;
  const exact = cell.querySelector("data");
  const number = parseFloat(exact ? exact.value : text.replace("−", "-"));
  return Number.isNaN(number) ? null : number;
}

/** Sort the rows of a table by a column; cells without a value stay at the end either way. */
function sort(table, column, header) {
  const down = header.getAttribute("aria-sort") === "ascending";
  const numeric = header.classList.contains("number");
  const collator = new Intl.Collator(undefined, { numeric: true });
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({ row, key: keyOf(row.cells[column], numeric) }));
  rows.sort((one, two) => {
    if (one.key === null || two.key === null) return (one.key === null) - (two.key === null);
    const order = numeric ? one.key - two.key : collator.compare(one.key, two.key);
    return down ? -order : order;
  });
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows.map((each) => each.row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sort(table, column, header));
    header.append(button);
  });
}

const filter = document.getElementById("filter");
if (filter) {
  const rows = Array.from(document.getElementById("every-case").tBodies[0].rows);
  const texts = rows.map((row) => Array.from(row.cells, (cell) => cell.textContent).join(" ").toLowerCase());
  const status = filter.parentElement.querySelector("[role=status]");
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, n) => {
      row.hidden = !words.every((word) => texts[n].includes(word));
      shown += !row.hidden;
    });
    status.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
  filter.parentElement.hidden = false;
}

for (const button of document.querySelectorAll(".copy")) {
  const code = button.parentElement.querySelector("code");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Browsers forbid it in some files: then the text is selected, to be copied by hand.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
  });
  button.hidden = false;
}

// On paper nothing can be opened: all is open, and closed again afterwards.
let opened = [];
addEventListener("beforeprint", () => {
  opened = Array.from(document.querySelectorAll("details:not([open])"));
  for (const each of opened) each.open = true;
});
addEventListener("afterprint", () => {
  for (const each of opened) each.open = false;
});
