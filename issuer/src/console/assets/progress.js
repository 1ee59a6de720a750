// Shows how far a job is without a reload. Without it, the link above does.
const part = document.getElementById("progress");

async function look() {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("progress");
  if (!now) return;
  // The live region itself stays, so that screen readers hear what has changed.
  part.replaceChildren(...now.childNodes);
  part.dataset.state = now.dataset.state;
  if (now.dataset.state === "running") setTimeout(look, 1000);
  else location.reload();
}

if (part?.dataset.state === "running") setTimeout(look, 1000);
