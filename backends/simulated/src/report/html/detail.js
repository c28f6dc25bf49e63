
(() => {
  "use strict";
  // What a pointer shows as a tooltip, a tap shows at the foot of the page.
  const panel = document.getElementById("detail");
  let chosen = null;
  const choose = (shape) => {
    if (chosen) chosen.classList.remove("chosen");
    chosen = shape;
    panel.hidden = !shape;
    if (!shape) return;
    shape.classList.add("chosen");
    panel.textContent = shape.querySelector("title").textContent;
  };
  document.addEventListener("click", (event) => {
    const shape = event.target.closest("svg rect, svg circle");
    choose(shape && shape !== chosen && shape.querySelector("title") ? shape : null);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") choose(null);
  });
})();
