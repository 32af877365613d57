"use strict";

const main = document.getElementById("main");

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

async function get(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer;
}

async function showChoices() {
  const emoji = await (await get("/api/list")).json();
  const message = element("p", { className: "message", textContent: "Tap your favourite emoji." });
  const choices = element("ul", { className: "choices" });
  for (const { shortcode, unicode } of emoji) {
    const button = element("button", { textContent: unicode, title: shortcode });
    button.setAttribute("aria-label", `vote for ${shortcode}`);
    button.onclick = () => vote(shortcode, unicode, message);
    choices.append(element("li", {}, button));
  }
  main.replaceChildren(message, choices);
}

async function vote(shortcode, unicode, message) {
  try {
    await get(`/api/vote?choice=${encodeURIComponent(shortcode)}`);
    message.className = "message";
    message.textContent = `${unicode} Thank you for your vote!`;
  } catch (error) {
    message.className = "message failed";
    message.textContent = `${unicode} Your vote was lost: the voting service failed.`;
  }
}

async function showLeaderboard() {
  const rows = await (await get("/api/leaderboard")).json();
  const body = element("tbody");
  for (const { shortcode, unicode, votes } of rows) {
    body.append(
      element("tr", {},
        element("td", { textContent: unicode, title: shortcode }),
        element("td", { className: "votes", textContent: votes })));
  }
  const head = element("thead", {}, element("tr", {},
    element("th", { textContent: "Emoji" }), element("th", { textContent: "Votes" })));
  main.replaceChildren(rows.length ? element("table", {}, head, body) : element("p", { textContent: "No votes yet." }));
}

const page = location.pathname === "/leaderboard" ? "leaderboard" : "vote";
document.querySelector(`[data-page=${page}]`).setAttribute("aria-current", "page");
(page === "leaderboard" ? showLeaderboard() : showChoices()).catch((error) => {
  main.replaceChildren(element("p", { className: "message failed", textContent: String(error.message) }));
});
