// Sorts a table by the column whose heading is pressed: numbers by value, text as people read it.
document.querySelectorAll('table.sortable').forEach((table) => {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.firstElementChild.addEventListener('click', () => {
      const ascending = heading.getAttribute('aria-sort') !== 'ascending';
      headings.forEach((other) => other.setAttribute('aria-sort', 'none'));
      heading.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      const body = table.tBodies[0];
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        const numbers = x !== '' && y !== '' && !isNaN(x) && !isNaN(y);
        const order = numbers ? x - y : x.localeCompare(y, undefined, { numeric: true });
        return ascending ? order : -order;
      };
      const rows = [...body.rows];
      const totals = rows.filter((row) => row.classList.contains('total'));
      const others = rows.filter((row) => !row.classList.contains('total')).sort(compare);
      body.append(...others, ...totals);
    });
  });
});

// Long tables get a field that keeps the rows in which every word of it occurs.
document.querySelectorAll('table.sortable').forEach((table) => {
  const rows = [...table.tBodies[0].rows];
  if (rows.length <= 12) return;
  const field = document.createElement('input');
  field.type = 'search';
  field.className = 'filter';
  field.placeholder = `Filter ${rows.length} rows`;
  field.setAttribute('aria-label', field.placeholder);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  field.addEventListener('input', () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, at) => { row.hidden = !words.every((word) => texts[at].includes(word)); });
  });
  table.parentElement.before(field);
});
