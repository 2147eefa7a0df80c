"use strict";
// Each picture can be saved as a file of its own, in the colours of a light page: for a paper.

{
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const colours = JSON.parse(document.getElementById("paper").textContent);

  const standalone = (picture) => {
    const copy = picture.cloneNode(true);
    const [, , width, height] = copy.getAttribute("viewBox").split(" ");
    for (const [name, value] of Object.entries({ width, height, "font-family": "sans-serif", "font-size": 11 }))
      copy.setAttribute(name, value);
    copy.setAttribute("xmlns", NAMESPACE);
    copy.removeAttribute("class");
    const text = new XMLSerializer().serializeToString(copy);
    return text.replace(/var\(--([\w-]+)\)/g, (whole, name) => colours[name] ?? whole);
  };

  const save = (picture, name) => {
    const blob = new Blob([standalone(picture)], { type: "image/svg+xml" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${name.replace(/[^\w.-]+/g, "-")}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  for (const figure of document.querySelectorAll("[data-figure]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "save";
    button.textContent = "SVG";
    button.title = "save this picture as an SVG file";
    button.setAttribute("aria-label", `save ${figure.dataset.figure} as SVG`);
    button.addEventListener("click", () => save(figure.querySelector("svg.picture"), figure.dataset.figure));
    figure.append(button);
  }
}
