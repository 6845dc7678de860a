(function () {
  const SIDE = 12, ROOM = 1176, LETTER = 6.65;
  const frames = [...document.querySelectorAll('.f')].map((g) => ({
    g,
    rect: g.querySelector('rect'),
    text: g.querySelector('text'),
    title: g.querySelector('title').textContent,
    name: g.querySelector('title').textContent.split('\n')[0],
    x: +g.dataset.x,
    w: +g.dataset.w,
    d: +g.dataset.d,
  }));
  const told = document.getElementById('told');
  const whole = document.getElementById('whole');
  const find = document.getElementById('find');
  const calm = told.textContent;

  function cut(name, width) {
    const letters = Math.floor((width - 9) / LETTER);
    const [, module, place] = name.match(/^(?:(.*):)?(.*)$/);
    const brief = (module || '').split('.').pop() + ':' + place;
    const shorter = /^\d+$/.test(place) ? [name, brief] : [name, place, place.slice(place.lastIndexOf('.') + 1)];
    const fitting = shorter.find((one) => one.length <= letters);
    if (fitting !== undefined) return fitting;
    return letters >= 3 ? shorter.pop().slice(0, letters - 1) + '…' : '';
  }

  function look(at) {
    const tiny = 1e-6;
    for (const one of frames) {
      const isAbove = one.d < at.d && one.x <= at.x + tiny && one.x + one.w >= at.x + at.w - tiny;
      const isWithin = one.d >= at.d && one.x >= at.x - tiny && one.x + one.w <= at.x + at.w + tiny;
      one.g.style.display = isAbove || isWithin ? '' : 'none';
      one.g.classList.toggle('dim', isAbove);
      const x = isAbove ? SIDE : SIDE + ((one.x - at.x) / at.w) * ROOM;
      const width = isAbove ? ROOM : (one.w / at.w) * ROOM;
      one.rect.setAttribute('x', x);
      one.rect.setAttribute('width', Math.max(width - 0.6, 0.4));
      one.text.setAttribute('x', x + 5);
      one.text.textContent = cut(one.name, width);
    }
    whole.style.visibility = at.d ? 'visible' : 'hidden';
  }

  function search() {
    const wanted = find.value.trim().toLowerCase();
    const hits = frames.filter((one) => {
      const isHit = wanted !== '' && one.name.toLowerCase().includes(wanted);
      one.g.classList.toggle('found', isHit);
      return isHit;
    });
    let share = 0, end = 0;
    for (const one of hits.sort((a, b) => a.x - b.x || b.w - a.w)) {
      if (one.x + one.w <= end + 1e-9) continue;
      share += one.x + one.w - Math.max(end, one.x);
      end = one.x + one.w;
    }
    told.textContent = wanted ? hits.length + (hits.length === 1 ? ' frame' : ' frames') + ' found, ' + (100 * share).toFixed(1) + ' % of all' : calm;
  }

  for (const one of frames) {
    one.g.addEventListener('click', () => look(one));
    one.g.addEventListener('mouseenter', () => { told.textContent = one.title.replace('\n', ' · '); });
    one.g.addEventListener('mouseleave', search);
  }
  if (frames.length) whole.addEventListener('click', () => look(frames.find((one) => one.d === 0)));
  find.addEventListener('input', search);
})();
