() => {
  // A point of the timeline, or a key frame's button, moves the clip there; the clip moves the timeline's line. On a
  // phone, whoever asks for a reading is brought to where it appears.
  const clip = () => document.querySelector("#eq-clip video");
  const range = (line) => [Number(line.dataset.start), Number(line.dataset.end)];

  const seek = (time) => {
    const video = clip();
    if (!video) return;
    video.currentTime = time;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    video.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    showTime(time);
  };

  const showTime = (time) => {
    const line = document.querySelector(".eq-timeline");
    if (!line) return;
    const [start, end] = range(line);
    const share = Math.min(1, Math.max(0, (time - start) / (end - start)));
    line.querySelectorAll(".eq-head").forEach((head) => (head.style.left = `${100 * share}%`));
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-time]");
    const track = event.target.closest(".eq-track");
    const isReading = event.target.closest("#eq-read, #eq-examples button");
    if (isReading && matchMedia("(max-width: 640px)").matches) {
      // At once: what appears above while a smooth scroll is under way would move its goal.
      document.querySelector("#eq-status").scrollIntoView({ block: "start", behavior: "instant" });
    }
    if (track && event.detail > 0) {
      const [start, end] = range(track.closest(".eq-timeline"));
      const box = track.getBoundingClientRect();
      seek(start + ((event.clientX - box.left) / box.width) * (end - start));
    } else if (button) {
      seek(Number(button.dataset.time));
    }
  });

  document.addEventListener("timeupdate", (event) => event.target === clip() && showTime(event.target.currentTime), true);
}
