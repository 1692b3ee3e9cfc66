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
  <section id="alarms" aria-labelledby="h-alarms" hidden>
    <div class="bar"><h2 id="h-alarms">Alarms</h2></div>
    <ul id="alarm-list" class="bad"></ul>
  </section>
  <section aria-labelledby="h-boots">
    <div class="bar"><h2 id="h-boots">Boots</h2></div>
    ${table('boots', 'Boots, newest first', ['Begun', 'Machine', 'Profile', 'Came to', 'Outcome', ''])}
    <div id="timeline" hidden>
      <div class="bar"><h3 id="timeline-title"></h3> <button type="button" id="timeline-close">Close</button></div>
      <p id="timeline-says"></p>
      ${table('timeline-steps', 'Steps of the boot', ['After', 'Stage', 'What', 'Bytes', 'Took'])}
    </div>
  </section>
  <section aria-labelledby="h-inbox">
    <div class="bar"><h2 id="h-inbox">Inbox</h2> <span class="quiet">machines that are no host</span></div>
    ${table('inbox', 'Machines that are no host', ['MAC', 'Maker', 'Architecture', 'Network', 'Last seen', 'Boots', 'Standing', ''])}
  </section>
  <section aria-labelledby="h-deployments">
    <div class="bar"><h2 id="h-deployments">Deployments</h2></div>
    ${table('deployments', 'Deployments, newest first', ['Host', 'Profile', 'State', 'Attempts', 'Until', 'Last', ''])}
  </section>
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
    ${table('hosts', 'Hosts', ['Name', 'MACs', 'Profile', 'Policy', 'Address', 'Labels', ''])}
    <p id="more-hosts" class="quiet" hidden>There are more; search to narrow the list.</p>
  </section>
  <section aria-labelledby="h-leases">
    <div class="bar"><h2 id="h-leases">Leases</h2></div>
    ${table('leases', 'Leases', ['Address', 'MAC', 'Host', 'Network', 'State', 'Until'])}
  </section>
</main>
<dialog id="arm" aria-labelledby="arm-title">
  <form method="dialog">
    <h2 id="arm-title"></h2>
    <p id="arm-words"></p>
    <label>Attempts <input id="arm-attempts" type="number" min="1" max="100" value="1" required></label>
    <label>Minutes <input id="arm-minutes" type="number" min="1" max="43200" value="240" required></label>
    <label id="arm-typed-label"><span id="arm-typed-what"></span> <input id="arm-typed" autocomplete="off" spellcheck="false"></label>
    <p id="arm-message" class="bad" role="alert"></p>
    <div class="bar"><button type="button" id="arm-go" disabled>Arm</button> <button id="arm-cancel">Cancel</button></div>
  </form>
</dialog>
<dialog id="adopt" aria-labelledby="adopt-title">
  <form method="dialog">
    <h2 id="adopt-title"></h2>
    <label>Name <input id="adopt-name" autocomplete="off" spellcheck="false" required pattern="[a-z0-9]([a-z0-9._\\-]{0,61}[a-z0-9])?"></label>
    <label>Profile <select id="adopt-profile"></select></label>
    <p id="adopt-message" class="bad" role="alert"></p>
    <div class="bar"><button type="button" id="adopt-go">Adopt</button> <button>Cancel</button></div>
  </form>
</dialog>
<script>${SCRIPT}</script>
</body>
</html>
`;
