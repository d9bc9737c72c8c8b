"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // --- light and dark

  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const store = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* it holds for this page then */ } };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => toggle.setAttribute("aria-pressed", String(isDark()));
  if (["light", "dark"].includes(stored())) root.dataset.theme = stored();
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    store(root.dataset.theme);
    show();
  });
  system.addEventListener("change", show);
  show();

  // --- players

  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const pad = (n) => String(n).padStart(2, "0");
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
  };
  const players = [];
  let current = null;

  class Player {
    constructor(box) {
      this.box = box;
      this.audio = document.getElementById(box.dataset.audio);
      this.audio.controls = false;
      [this.start, this.end] = [Number(box.dataset.start), Number(box.dataset.end)];
      this.button = box.querySelector(".play");
      this.slider = box.querySelector("input");
      this.now = box.querySelector(".now");
      const text = box.parentElement.querySelector("[data-of]");
      this.text = text;
      this.pieces = text ? [...text.querySelectorAll("[data-s]")] : [];
      this.starts = this.pieces.map((piece) => Number(piece.dataset.s));
      this.marked = null;
      this.at = 0;
      this.name = this.button.getAttribute("aria-label").slice("Play".length);
      this.button.addEventListener("click", () => (current === this && !this.audio.paused ? this.pause() : this.play()));
      this.button.addEventListener("keydown", (event) => this.move(event));
      this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
      text?.addEventListener("click", (event) => {
        const piece = event.target.closest("[data-s]");
        if (piece && !String(getSelection())) { this.seek(Number(piece.dataset.s) - this.start); this.play(); }
      });
      this.draw();
    }

    play() {
      if (current && current !== this) current.pause();
      current = this;
      if (this.at >= this.length - 0.05) this.at = 0;
      this.text?.closest("details")?.setAttribute("open", "");
      this.place();
      this.audio.play().catch(() => this.fail());
      this.state(true);
      requestAnimationFrame(follow);
    }

    pause() {
      this.audio.pause();
      this.state(false);
    }

    get length() { return this.end - this.start; }

    seek(seconds) {
      this.at = Math.min(Math.max(0, seconds), this.length);
      if (current === this) this.place();
      this.draw();
    }

    // Before a file's length is known, where it is to begin must wait.
    place() {
      const { audio } = this;
      const wanted = this.start + this.at;
      const go = () => { if (current === this && Math.abs(audio.currentTime - wanted) > 0.02) audio.currentTime = wanted; };
      if (audio.readyState) go();
      else audio.addEventListener("loadedmetadata", go, { once: true });
      this.waiting = !audio.readyState && wanted > 0;
    }

    follow() {
      const time = this.audio.currentTime;
      if (this.waiting) this.waiting = !this.audio.readyState || Math.abs(time - this.start - this.at) > 1;
      if (this.waiting) return;
      this.at = time - this.start;
      if (this.audio.ended || time >= this.end) { this.at = this.length; this.pause(); }
      this.draw();
    }

    draw() {
      const at = Math.min(Math.max(0, this.at), this.length);
      this.slider.value = at;
      this.slider.setAttribute("aria-valuetext", `${clock(at)} of ${clock(this.length)}`);
      this.now.textContent = clock(at);
      this.box.style.setProperty("--played", `${this.length ? (100 * at) / this.length : 0}%`);
      this.mark(current === this ? this.start + at : -1);
    }

    mark(time) {
      let [low, high] = [0, this.starts.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.starts[middle] <= time + 0.001) low = middle + 1;
        else high = middle;
      }
      const piece = low && time >= 0 && !this.isOver ? this.pieces[low - 1] : null;
      if (piece === this.marked) return;
      this.marked?.classList.remove("now-heard");
      piece?.classList.add("now-heard");
      this.marked = piece;
      const details = this.text?.closest("details");
      if (piece && details?.open) this.reveal(piece);
    }

    get isOver() { return this.at >= this.length - 0.01 && this.audio.paused; }

    reveal(piece) {
      const box = piece.getBoundingClientRect();
      if (box.top >= innerHeight && box.top < 2 * innerHeight) {
        const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
        piece.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
      }
    }

    state(plays) {
      this.box.classList.toggle("playing", plays);
      this.button.setAttribute("aria-label", (plays ? "Pause" : "Play") + this.name);
    }

    fail() {
      if (!this.audio.error) { this.state(!this.audio.paused); return; }
      this.state(false);
      this.now.textContent = "cannot be played";
    }

    move(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const other = step && players[players.indexOf(this) + step];
      if (other) { event.preventDefault(); other.button.focus(); other.box.scrollIntoView({ block: "nearest" }); }
    }
  }

  const follow = () => {
    if (!current) return;
    current.follow();
    if (current.box.classList.contains("playing")) requestAnimationFrame(follow);
  };
  for (const box of document.querySelectorAll(".player")) {
    const player = new Player(box);
    players.push(player);
    player.audio.addEventListener("ended", () => { if (current === player) player.follow(); });
    player.audio.addEventListener("timeupdate", () => { if (current === player) player.follow(); });
  }
})();
