/** The frame around every page, and which page a path shows. */

import type { JSX } from "preact";
import { parse, Link, usePath, type Route } from "./router";
import { ControlPlane } from "./pages/ControlPlane";
import { Namespace } from "./pages/Namespace";
import { Namespaces } from "./pages/Namespaces";
import { Workload } from "./pages/Workload";
import { Dark, Light, Mark, System } from "./parts/Icons";
import { useTheme } from "./theme";

export function App(): JSX.Element {
  const route = parse(usePath());
  return (
    <>
      <a class="skip" href="#content">Skip to the content</a>
      <Top route={route} />
      <Shown key={JSON.stringify(route)} route={route} />
    </>
  );
}

function Top({ route }: { route: Route }): JSX.Element {
  const [theme, change] = useTheme();
  const Drawing = { system: System, light: Light, dark: Dark }[theme];
  return (
    <header class="top">
      <Link to="/namespaces" class="brand" label="Weft, all namespaces"><Mark /> Weft</Link>
      <nav aria-label="Pages">
        <Link to="/namespaces" current={route.page !== "controlplane" && route.page !== "unknown"}>Namespaces</Link>
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
