/** Starts the page: workers and styles first, then GraphiQL with the example tabs. */
import "./workers.js";
import "@graphiql/react/font/roboto.css";
import "@graphiql/react/font/fira-code.css";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./page.css";
import { createRoot } from "react-dom/client";
import { firstTabs } from "./examples.js";
import { Page } from "./page.jsx";

const tabs = await firstTabs();
createRoot(document.getElementById("page")).render(<Page tabs={tabs} />);
