"use strict";
// A heading's button sorts the rows of its table; pressed again, the other way round.
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const numeric = heading.classList.contains("number");
    heading.querySelector("button").addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      // Numbers begin with the largest, names with A.
      const rising = before ? before === "descending" : !numeric;
      const rows = [...body.rows].map((row) => {
        const cell = row.cells[column];
        const value = Number.parseFloat(cell.dataset.value);
        return { row, value, text: cell.textContent.trim() };
      });
      rows.sort((one, other) => {
        if (!numeric) return (rising ? 1 : -1) * one.text.localeCompare(other.text, "en", { numeric: true });
        // What has no number stays at the end.
        const lacking = Number.isNaN(one.value) - Number.isNaN(other.value);
        return lacking || (rising ? 1 : -1) * (one.value - other.value || 0);
      });
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
      body.append(...rows.map((entry) => entry.row));
    });
  });
}
