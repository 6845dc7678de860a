/** The page: GraphiQL with its explorers, our name in the corner, and a notice when nobody is signed in. */
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useState } from "react";
import { createFetcher, SIGN_IN } from "./fetcher.js";
import icon from "./icon.svg";

const plugins = [explorerPlugin(), HISTORY_PLUGIN];

export function Page({ tabs }) {
  const [signedOut, setSignedOut] = useState(false);
  const [fetcher] = useState(() => createFetcher({ onSignedOut: () => setSignedOut(true) }));
  return (
    <>
      {signedOut && (
        <p className="notice" role="alert">
          {SIGN_IN}.
        </p>
      )}
      <GraphiQL
        fetcher={fetcher}
        plugins={plugins}
        inputValueDeprecation
        defaultEditorToolsVisibility
        defaultTabs={tabs.length ? tabs : undefined}
        // GraphiQL shows the variables of every default tab but the first.
        initialVariables={tabs[0]?.variables}
      >
        <GraphiQL.Logo>
          <a className="product" href="/">
            <img src={icon} alt="" width="20" height="20" />
            Maestro ML
          </a>
        </GraphiQL.Logo>
      </GraphiQL>
    </>
  );
}
