(function () {
  const data = JSON.parse(document.getElementById('data').textContent);
  const plane = document.getElementById('plane');
  const method = document.getElementById('method');
  const colour = document.getElementById('colour');
  const margin = 26, span = 1000 - 2 * margin;
  const radius = data.clips.length > 400 ? 8 : 11;
  const hidden = new Set();
  let chosen = -1;

  const dots = data.clips.map(function (clip) {
    const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
    dot.setAttribute('r', radius);
    if (clip.right === 'wrong') dot.classList.add('wrong');
    plane.append(dot);
    return dot;
  });

  function kinds() {
    const names = [...new Set(data.clips.map(clip => clip[colour.value]))];
    return colour.value === 'split' ? names : names.sort();
  }

  function shade(name, number) {
    if (colour.value === 'right') return { right: '#4d9a6a', wrong: '#b83227' }[name] || '#8a949e';
    const fixed = data.colors[colour.value];
    if (fixed && number < fixed.length) return fixed[number];
    // Golden angle: neighbours in the list are far apart on the wheel.
    return 'hsl(' + Math.round(number * 137.5) % 360 + ' 55% ' + (42 + 14 * (number % 2)) + '%)';
  }

  function place() {
    const places = data.places[method.value];
    dots.forEach(function (dot, row) {
      dot.setAttribute('cx', margin + span * places[row][0]);
      dot.setAttribute('cy', margin + span * (1 - places[row][1]));
    });
  }

  function paint() {
    const names = kinds();
    const shades = new Map(names.map((name, number) => [name, shade(name, number)]));
    dots.forEach(function (dot, row) {
      const name = data.clips[row][colour.value];
      dot.setAttribute('fill', shades.get(name));
      dot.style.display = hidden.has(name) ? 'none' : '';
    });
    document.getElementById('legend').replaceChildren(...names.map(function (name) {
      const item = document.createElement('li'), button = document.createElement('button');
      const key = document.createElement('i');
      key.style.background = shades.get(name);
      button.type = 'button';
      button.setAttribute('aria-pressed', String(!hidden.has(name)));
      const count = data.clips.filter(clip => clip[colour.value] === name).length;
      button.append(key, name + ' (' + count + ')');
      button.onclick = function () {
        if (!hidden.delete(name)) hidden.add(name);
        paint();
      };
      item.append(button);
      return item;
    }));
  }

  function show(row) {
    if (chosen >= 0) dots[chosen].classList.remove('chosen');
    chosen = row;
    const clip = data.clips[row];
    dots[row].classList.add('chosen');
    plane.append(dots[row]);
    const picture = document.createElement('img'), facts = document.createElement('dl');
    picture.src = clip.strip;
    picture.alt = 'frames of ' + clip.file;
    const said = clip.said + ' ' + Math.round(100 * clip.probability) + ' %';
    for (const [name, value] of [['clip', clip.file], ['class', clip.class], ['said', said],
      ['split', clip.split], ['recording', clip.recording]]) {
      const term = document.createElement('dt'), description = document.createElement('dd');
      term.textContent = name;
      description.textContent = value;
      facts.append(term, description);
    }
    document.getElementById('clip').replaceChildren(picture, facts);
  }

  function nearest(event) {
    const box = plane.getBoundingClientRect();
    const x = 1000 * (event.clientX - box.left) / box.width;
    const y = 1000 * (event.clientY - box.top) / box.height;
    let best = -1, least = 60 * 60;
    dots.forEach(function (dot, row) {
      if (dot.style.display === 'none') return;
      const distance = (dot.getAttribute('cx') - x) ** 2 + (dot.getAttribute('cy') - y) ** 2;
      if (distance < least) { least = distance; best = row; }
    });
    if (best >= 0) show(best);
  }

  plane.addEventListener('click', nearest);
  method.onchange = place;
  colour.onchange = function () { hidden.clear(); paint(); };
  place();
  paint();
  const first = data.clips.findIndex(clip => clip.right === 'wrong');
  show(first >= 0 ? first : 0);
})();
