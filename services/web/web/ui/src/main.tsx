import { render } from "preact";
import { App } from "./app";
import "./styles.css";

// Relative to the page it was loaded with; going to another page must not move it.
for (const icon of document.querySelectorAll<HTMLLinkElement>("link[rel=icon]")) icon.href = icon.href;

const root = document.getElementById("main");
if (root) render(<App />, root);
