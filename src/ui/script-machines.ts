/** The part of the page's script that is about machines: boots, the inbox, deployments, alarms. Put into `script.ts`. */
export const MACHINES_SCRIPT = `
let problemsNow = [];
let loopsNow = [];
let trippedNow = [];

function button(text, label, action) {
  const node = element('button', text);
  node.type = 'button';
  node.setAttribute('aria-label', label);
  node.addEventListener('click', () => Promise.resolve(action()).catch(showTrouble));
  return node;
}

function buttons(...list) {
  const box = element('span');
  box.append(...list);
  return box;
}

function showAlarms() {
  const all = [...problemsNow, ...loopsNow, ...trippedNow];
  byId('alarms').hidden = all.length === 0;
  byId('alarm-list').replaceChildren(...all.map((text) => element('li', text)));
}

const OUTCOMES = { running: 'running', local: 'own disk', booted: 'booted', stopped: 'stopped' };
const OUTCOME_CLASSES = { booted: 'good', stopped: 'bad' };

async function showBoots() {
  const { items } = await (await ask('/boots?limit=50')).json();
  fillTable('boots', items.map((boot) => [
    dateAndClock(boot.startedAt),
    boot.host ?? [boot.mac, 'code'],
    boot.profile ?? '',
    boot.reached ?? 'nothing',
    [OUTCOMES[boot.outcome] + ': ' + boot.says, OUTCOME_CLASSES[boot.outcome] ?? ''],
    button('Timeline', 'Timeline of ' + (boot.host ?? boot.mac), () => showTimeline(boot.id)),
  ]), 'No machine has booted yet.');
  const loops = new Map(items.filter(({ looping }) => looping).map((boot) => [boot.host ?? boot.mac, boot.looping]));
  loopsNow = [...loops].map(([name, times]) => name + ' starts again and again: ' + times + ' times in a quarter of an hour');
  showAlarms();
}

async function showTimeline(id) {
  const boot = await (await ask('/boots/' + id)).json();
  byId('timeline').hidden = false;
  byId('timeline-title').textContent = (boot.host ?? boot.mac) + ', ' + dateAndClock(boot.startedAt);
  byId('timeline-says').textContent = boot.says + '. ' + (boot.advice ?? '');
  fillTable('timeline-steps', boot.steps.map((step) => [
    (step.afterMs / 1000).toFixed(1) + ' s',
    step.stage,
    [step.summary, step.good ? '' : 'bad'],
    step.bytes === undefined ? '' : step.bytes.toLocaleString(),
    step.ms === undefined ? '' : Math.round(step.ms) + ' ms',
  ]), '');
  byId('timeline').scrollIntoView({ block: 'nearest' });
}
byId('timeline-close').addEventListener('click', () => { byId('timeline').hidden = true; });

async function showInbox() {
  const { items } = await (await ask('/discovered?limit=200')).json();
  const act = (machine, verb) => ask('/discovered/' + machine.mac + '/' + verb, { method: 'POST' }).then(showInbox);
  fillTable('inbox', items.map((machine) => [
    [machine.mac, 'code'],
    machine.vendor ?? '',
    machine.architecture ?? '',
    machine.facts.network ?? '',
    dateAndClock(machine.lastSeenAt),
    String(machine.times),
    machine.standing,
    buttons(
      button('Adopt…', 'Adopt ' + machine.mac, () => askToAdopt(machine)),
      button('Ignore', 'Ignore ' + machine.mac, () => act(machine, 'ignore')),
      machine.standing === 'blocked'
        ? button('Unblock', 'Unblock ' + machine.mac, () => act(machine, 'restore'))
        : button('Block', 'Block ' + machine.mac, () => act(machine, 'block')),
    ),
  ]), 'No strangers. A machine that boots and is no host appears here.');
}

let adopting;
async function askToAdopt(machine) {
  adopting = machine;
  const { items } = await (await ask('/profiles?limit=1000')).json();
  const none = element('option', 'none: its own disk');
  none.value = '';
  byId('adopt-profile').replaceChildren(none, ...items.map((profile) => {
    const option = element('option', profile.name + (profile.destructive ? ' (writes to disks, only when armed)' : ''));
    option.value = profile.name;
    return option;
  }));
  byId('adopt-title').textContent = 'Adopt ' + machine.mac;
  byId('adopt-name').value = '';
  byId('adopt-message').textContent = '';
  byId('adopt').showModal();
}
byId('adopt-go').addEventListener('click', async () => {
  const profile = byId('adopt-profile').value;
  if (!byId('adopt-name').reportValidity()) return;
  const body = JSON.stringify({ name: byId('adopt-name').value.trim(), ...(profile && { profile }) });
  try {
    await ask('/discovered/' + adopting.mac + '/adopt', { method: 'POST', body });
    byId('adopt').close();
    await Promise.all([showInbox(), showHosts()]);
  } catch (error) {
    byId('adopt-message').textContent = error.message;
  }
});

const ENDED = ['succeeded', 'failed', 'expired', 'cancelled', 'loop-tripped'];

async function showDeployments() {
  const { items } = await (await ask('/deployments?limit=100')).json();
  const end = (one, outcome) =>
    ask('/deployments/' + one.id + '/end', { method: 'POST', body: JSON.stringify({ outcome }) }).then(showDeployments);
  fillTable('deployments', items.map((one) => [
    one.host,
    [one.profile, one.destructive ? 'bad' : ''],
    [one.state, one.state === 'succeeded' ? 'good' : /failed|tripped/.test(one.state) ? 'bad' : ''],
    one.spent + ' of ' + one.attempts,
    dateAndClock(one.deadline),
    one.history.at(-1)?.reason ?? '',
    ENDED.includes(one.state) ? '' : buttons(
      button('Disarm', 'Disarm ' + one.host, () => end(one, 'cancelled')),
      button('Succeeded', 'Say that ' + one.host + ' succeeded', () => end(one, 'succeeded')),
    ),
  ]), 'Nothing is armed: no profile that writes to disks is served to anybody.');
  trippedNow = items.filter(({ state }) => state === 'loop-tripped').slice(0, 5).map(({ host }) => 'the loop breaker stopped the deployment of ' + host);
  showAlarms();
}

/** Two steps: the profile that would wipe is named, and the host's name has to be typed. */
let arming;
async function askToArm(host, profileName) {
  const { items } = await (await ask('/profiles?limit=1000')).json();
  const profile = items.find(({ name }) => name === profileName);
  const wipes = profile?.destructive ?? true;
  arming = { host, wipes };
  byId('arm-title').textContent = 'Arm ' + host;
  byId('arm-words').textContent = wipes
    ? 'The next boot of ' + host + ' gets profile "' + profileName + '", which WRITES TO ITS DISKS: what is on them is lost.'
    : 'Profile "' + profileName + '" writes to no disk; it is served without being armed.';
  byId('arm-words').className = wipes ? 'bad' : '';
  byId('arm-typed-what').textContent = 'Type ' + host + ' to go on';
  byId('arm-typed').value = '';
  byId('arm-message').textContent = '';
  byId('arm-go').disabled = true;
  byId('arm').showModal();
}
byId('arm-typed').addEventListener('input', () => {
  byId('arm-go').disabled = byId('arm-typed').value.trim() !== arming.host;
});
byId('arm-go').addEventListener('click', async () => {
  const body = JSON.stringify({ attempts: Number(byId('arm-attempts').value), minutes: Number(byId('arm-minutes').value) });
  try {
    await ask('/hosts/' + arming.host + '/arm', { method: 'POST', body });
    byId('arm').close();
    await showDeployments();
  } catch (error) {
    byId('arm-message').textContent = error.message;
  }
});
`;
