/** The operator's page: one HTML document with its own style and script, and a policy that lets nothing else run. */
import { createHash } from 'node:crypto';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

export interface OperatorPage {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

export function createOperatorPage(): OperatorPage {
  return {
    html: HTML,
    contentSecurityPolicy: [
      "default-src 'none'",
      `script-src '${hashOf(SCRIPT)}'`,
      `style-src '${hashOf(STYLE)}'`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}

/** Source expression of Content Security Policy level 2 for an inline element. */
function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function table(id: string, caption: string, columns: readonly string[]): string {
  const heads = columns.map((column) => `<th scope="col">${column}</th>`).join('');
  return `<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><thead><tr>${heads}</tr></thead><tbody id="${id}"></tbody></table></div>`;
}

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Hobnail</title>
<style>${STYLE}</style>
</head>
<body>
<header>
  <h1>Hobnail</h1>
  <span id="version" class="quiet"></span>
  <span id="ready" role="status"></span>
  <span class="end">
    <a href="/docs">API</a>
    <span id="signed-in" hidden><span id="who" class="quiet"></span> <button type="button" id="sign-out">Sign out</button></span>
  </span>
</header>
<section id="login" hidden>
  <form>
    <h2>Sign in</h2>
    <label>Token <input id="token" type="password" autocomplete="off" required spellcheck="false"></label>
    <span class="quiet">The first start prints one; <code>hobnail token add NAME</code> makes more.</span>
    <span id="login-message" class="bad" role="alert"></span>
    <button>Sign in</button>
  </form>
</section>
<main id="app" hidden>
  <p id="trouble" class="bad" role="alert"></p>
  <section aria-labelledby="h-doors">
    <div class="bar"><h2 id="h-doors">Doors</h2></div>
    ${table('doors', 'Doors', ['Door', 'Address', 'Interface', 'Sockets', 'State'])}
    <ul id="problems" aria-label="Problems in the files"></ul>
    <p id="no-problems" class="quiet">No problems in profiles and templates.</p>
  </section>
  <section aria-labelledby="h-events">
    <div class="bar"><h2 id="h-events">Events</h2> <label>Filter <input id="event-filter" type="search"></label></div>
    ${table('events', 'Events, newest first', ['Time', 'Kind', 'Machine', 'What', 'Bytes', 'Took'])}
    <p id="no-events" class="quiet">Nothing yet. Switch on a machine that boots from the network.</p>
  </section>
  <section aria-labelledby="h-hosts">
    <div class="bar"><h2 id="h-hosts">Hosts</h2> <label>Search <input id="host-search" type="search" aria-keyshortcuts="/"></label></div>
    ${table('hosts', 'Hosts', ['Name', 'MACs', 'Profile', 'Policy', 'Address', 'Labels'])}
    <p id="more-hosts" class="quiet" hidden>There are more; search to narrow the list.</p>
  </section>
  <section aria-labelledby="h-leases">
    <div class="bar"><h2 id="h-leases">Leases</h2></div>
    ${table('leases', 'Leases', ['Address', 'MAC', 'Host', 'Network', 'State', 'Until'])}
  </section>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
