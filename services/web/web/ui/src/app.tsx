/** The frame around every page, and which page a path shows. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { parse, Link, useVisit, type Route } from "./router";
import { ControlPlane } from "./pages/ControlPlane";
import { Errors } from "./pages/Errors";
import { Namespace } from "./pages/Namespace";
import { Namespaces } from "./pages/Namespaces";
import { Routes } from "./pages/Routes";
import { Tap } from "./pages/Tap";
import { Top } from "./pages/Top";
import { Workload } from "./pages/Workload";
import { Dark, Light, Mark, System } from "./parts/Icons";
import { useTheme } from "./theme";

export function App(): JSX.Element {
  const { path, visit } = useVisit();
  const route = parse(path);
  return (
    <>
      <a class="skip" href="#content">Skip to the content</a>
      <Header route={route} />
      <Shown key={`${visit} ${JSON.stringify(route)}`} route={route} />
    </>
  );
}

function Header({ route }: { route: Route }): JSX.Element {
  const [theme, change] = useTheme();
  const nav = useRef<HTMLElement>(null);
  useEffect(() => nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [route.page]);
  const Drawing = { system: System, light: Light, dark: Dark }[theme];
  return (
    <header class="top">
      <Link to="/namespaces" class="brand" label="Weft, all namespaces"><Mark /> Weft</Link>
      <nav aria-label="Pages" ref={nav}>
        <Link to="/namespaces" current={["namespaces", "namespace", "workload"].includes(route.page)}>Namespaces</Link>
        <Link to="/tap" current={route.page === "tap"}>Tap</Link>
        <Link to="/top" current={route.page === "top"}>Top</Link>
        <Link to="/routes" current={route.page === "routes"}>Routes</Link>
        <Link to="/errors" current={route.page === "errors"}>Errors</Link>
        <Link to="/controlplane" current={route.page === "controlplane"}>Control plane</Link>
      </nav>
      <button type="button" class="theme" onClick={change} aria-label={`Colours: ${theme}. Change`} title={`Colours: ${theme}`}>
        <Drawing />
      </button>
    </header>
  );
}

function Shown({ route }: { route: Route }): JSX.Element {
  switch (route.page) {
    case "namespaces":
      return <Namespaces />;
    case "namespace":
      return <Namespace namespace={route.namespace} only={route.only} />;
    case "workload":
      return <Workload kind={route.kind} namespace={route.namespace} name={route.name} />;
    case "routes":
      return <Routes namespace={route.namespace} />;
    case "errors":
      return <Errors namespace={route.namespace} />;
    case "tap":
      return <Tap />;
    case "top":
      return <Top />;
    case "controlplane":
      return <ControlPlane />;
    case "unknown":
      return (
        <main id="content">
          <h1>Page not found</h1>
          <p class="empty">There is no page {route.path}. <Link to="/namespaces">All namespaces</Link></p>
        </main>
      );
  }
}
