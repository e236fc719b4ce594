for (const section of document.querySelectorAll('section.watch')) {
  const duration = Number(section.dataset.duration);
  const video = section.querySelector('video');
  const timeline = section.querySelector('.timeline');
  const playhead = section.querySelector('.playhead');
  if (!timeline) continue;
  const readings = [...section.querySelectorAll('output[data-moments]')].map((output) => ({
    output,
    moments: output.dataset.moments.split(' ').filter(Boolean).map(Number),
    scores: output.dataset.scores.split(' '),
  }));
  let zoom = 1;
  let now = 0;

  const show = (seconds) => {
    now = Math.min(Math.max(seconds, 0), duration);
    playhead.style.left = `${(100 * now) / duration}%`;
    timeline.setAttribute('aria-valuenow', now.toFixed(1));
    for (const { output, moments, scores } of readings) {
      let place = moments.length - 1;
      while (place > 0 && moments[place] > now) place -= 1;
      output.textContent = moments.length ? (scores[place] / 100).toFixed(2) : '';
    }
  };
  const seek = (seconds) => {
    show(seconds);
    if (video) video.currentTime = now;
  };

  section.addEventListener('click', (event) => {
    const link = event.target.closest('[data-seek]');
    if (!link) return;
    event.preventDefault();
    seek(Number(link.dataset.seek));
    if (video) {
      video.play().catch(() => {});
      if (!link.closest('.timeline')) video.scrollIntoView({ block: 'center', behavior: 'smooth' });
    }
  });
  timeline.addEventListener('click', (event) => {
    if (event.target.closest('[data-seek]')) return;
    const box = timeline.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * duration);
  });
  timeline.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (!step) return;
    event.preventDefault();
    seek(now + step);
  });
  if (video) video.addEventListener('timeupdate', () => show(video.currentTime));

  show(0);
  for (const button of section.querySelectorAll('[data-zoom]')) {
    button.addEventListener('click', () => {
      zoom = Math.min(Math.max(zoom * Number(button.dataset.zoom), 1), 256);
      timeline.style.width = `${100 * zoom}%`;
      const frame = timeline.parentElement;
      frame.scrollLeft = (now / duration) * timeline.offsetWidth - frame.clientWidth / 2;
    });
  }
}
