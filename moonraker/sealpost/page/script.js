// SPDX-License-Identifier: GPL-3.0-or-later
// The printer's own page. Data reaches the document as text only.
'use strict';

const API = location.pathname.replace(/\/ui\/?$/, '');
const ROOT = API.replace(/\/machine\/lmnt_marketplace$/, '');
const STATUS_EVERY = 5000;
const $ = (id) => document.getElementById(id);
const part = (root, name) => root.querySelector(`[data-part="${name}"]`);

let bearer = null;
let session = null;
let dismissed = '';
let refused = null; // what the last thing done here met; stays until dismissed or done again
const stopped = new Set();

async function call(method, path, body) {
  const headers = {};
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw { code: 'moonraker_unreachable', title: 'Moonraker does not answer', detail: '', hint: 'Check that the printer is on and in your network.' };
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer && answer.result !== undefined ? answer.result : answer;
  throw {
    status: response.status,
    code: answer.code || 'error',
    title: answer.title || (answer.error && answer.error.message) || `Error ${response.status}`,
    detail: answer.detail || '',
    hint: answer.hint || '',
  };
}

const get = (name) => call('GET', `${API}/${name}`);
const post = (name, body = {}) => call('POST', `${API}/${name}`, body);

function show(element, yes = true) { element.hidden = !yes; }

// Rebuilding what has not changed would take the keyboard focus away and be read aloud again.
function changed(element, data) {
  const key = JSON.stringify(data);
  if (element.dataset.shown === key) return false;
  element.dataset.shown = key;
  return true;
}

function showProblem(problem) {
  const key = JSON.stringify(problem);
  show($('problem'), Boolean(problem) && key !== dismissed);
  if (!problem || !changed($('problem'), problem)) return;
  for (const name of ['title', 'detail', 'hint']) {
    part($('problem'), name).textContent = problem[name] || '';
    show(part($('problem'), name), Boolean(problem[name]));
  }
}

function chip(text, kind) {
  if ($('state').textContent !== text) $('state').textContent = text;
  $('state').className = `chip ${kind}`;
}

// ---- status ----

async function refresh() {
  try {
    const [status, queue] = await Promise.all([get('status'), get('queue')]);
    show($('sign-in'), false);
    show($('panel'));
    $('panel').classList.remove('stale');
    showStatus(status);
    showQueue(queue.jobs || []);
    showProblem(refused || status.last_error || null);
  } catch (problem) {
    if (problem.status === 401) {
      chip('Sign in', '');
      show($('sign-in'));
      show($('panel'), false);
      showProblem(null);
      return false;
    }
    $('panel').classList.add('stale');
    chip(problem.code === 'agent_unreachable' ? 'Agent not running' : 'Not reachable', 'bad');
    showProblem(problem);
  }
  return true;
}

async function refreshForever() {
  if (document.hidden || await refresh()) setTimeout(refreshForever, STATUS_EVERY);
}

function showStatus(status) {
  const auth = status.auth || {};
  const jobs = status.jobs || {};
  const paired = Boolean(auth.authenticated);
  chip(paired ? 'Paired' : 'Not paired', paired ? 'good' : '');
  placePairing(paired);
  show($('job'), paired || Boolean(jobs.current_job));
  show($('waiting'), paired || jobs.queue_length > 0);
  showFacts([
    ['Store', host(status.store)],
    ['Name', auth.printer_name],
    ['Access until', when(auth.token_expiry)],
    ['Klipper', status.klipper],
    ['Last print', lastPrint(status.last_job)],
    ['Agent', status.version && `version ${status.version}`],
    ['Printer id', auth.printer_id],
  ].filter(([, value]) => value));
  show($('reduced'), status.reduced === true);
  $('last-check').textContent = jobs.last_check ? `Last asked the store ${when(jobs.last_check)}.` : '';
  showJob(jobs.current_job, status.progress);
  show($('check'), paired);
  const form = $('pair-form').elements;
  if (!form.store.value && document.activeElement !== form.store && status.store) form.store.value = status.store;
  if (!form.printer_name.value && document.activeElement !== form.printer_name && auth.printer_name) form.printer_name.value = auth.printer_name;
  if (!session && status.pairing && status.pairing.pairing_code && isOpen(status.pairing.status) && !stopped.has(status.pairing.session_id)) openPairing(status.pairing);
  show($('pair-again'), paired && !session);
  show($('pair-form'), !session && (!paired || $('pair-again').open));
}

// The message is `code: sentence`; people read the sentence.
function lastPrint(job) {
  if (!job) return '';
  const because = (job.message || '').replace(/^[a-z_]+: /, '');
  return [`${job.title || job.id}: ${words(job.state)}`, because, when(job.at)].filter(Boolean).join(' · ');
}

// What a printer needs next stands first.
function placePairing(paired) {
  const [panel, pairing] = [$('panel'), $('pairing')];
  if (paired && panel.lastElementChild !== pairing) panel.append(pairing);
  if (!paired && panel.firstElementChild !== pairing) panel.prepend(pairing);
}

function showFacts(facts) {
  if (!changed($('facts'), facts)) return;
  $('facts').replaceChildren(...facts.flatMap(([name, value]) => {
    const term = document.createElement('dt');
    const text = document.createElement('dd');
    term.textContent = name;
    text.textContent = value;
    return [term, text];
  }));
}

function showJob(job, overall) {
  show($('job-none'), !job);
  show($('job-some'), Boolean(job));
  if (!job) return;
  const progress = [job.progress, overall].find((value) => typeof value === 'number');
  part($('job-some'), 'title').textContent = job.title || job.id || '';
  part($('job-some'), 'state').textContent = words(job.state);
  part($('job-some'), 'percent').textContent = progress === undefined ? '' : `· ${Math.floor(progress * 100)} %`;
  part($('job-some'), 'message').textContent = job.message || '';
  const bar = $('job-some').querySelector('progress');
  if (progress === undefined) bar.removeAttribute('value');
  else bar.value = progress;
}

function showQueue(jobs) {
  show($('queue-none'), jobs.length === 0);
  if (!changed($('queue'), jobs)) return;
  $('queue').replaceChildren(...jobs.map((job) => {
    const item = document.createElement('li');
    const name = document.createElement('span');
    const detail = document.createElement('small');
    const remove = document.createElement('button');
    name.textContent = job.title || job.id;
    detail.textContent = [words(job.state), size(job.size), when(job.created_at)].filter(Boolean).join(' · ');
    name.append(detail);
    remove.type = 'button';
    remove.className = 'quiet';
    remove.textContent = 'Remove';
    remove.setAttribute('aria-label', `Remove ${job.title || job.id} from the queue`);
    remove.addEventListener('click', () => busy(remove, () => post('queue/remove', { job: job.id })));
    item.append(name, remove);
    return item;
  }));
}

// ---- pairing ----

const isOpen = (status) => !status || ['pending', 'slow_down', 'approved'].includes(status);

function openPairing(answer) {
  session = { id: answer.session_id, wait: Math.max(1, Number(answer.interval) || 5), until: Date.parse(answer.expires_at) || Infinity };
  const opened = session;
  show($('pair-form'), false);
  show($('pair-again'), false);
  show($('pair-done'), false);
  show($('pair-open'));
  show($('pair-finish'), false);
  show($('pair-compare'), false);
  $('pair-lead').textContent = 'Sign in at the store and enter this code:';
  $('pair-code').textContent = answer.pairing_code || '';
  const complete = webAddress(answer.verification_uri_complete);
  const link = complete || webAddress(answer.verification_uri);
  show($('pair-link'), Boolean(link));
  if (link) {
    $('pair-link').href = link;
    $('pair-link').textContent = `Open ${host(link)}${complete ? ' with the code filled in' : ''}`;
  }
  $('pair-wait').textContent = 'Waiting for the store …';
  showShortCode(answer.short_code, false);
  setTimeout(() => pollPairing(opened), opened.wait * 1000);
}

async function pollPairing(polled) {
  if (session !== polled) return;
  let answer;
  try {
    answer = await post('pair/status', polled.id ? { session_id: polled.id } : {});
  } catch (problem) {
    if (session !== polled) return;
    $('pair-wait').textContent = `${problem.title}. Trying again …`;
    if (Date.now() > polled.until) return endPairing('The code has expired. Start again.', false);
    setTimeout(() => pollPairing(polled), polled.wait * 1000);
    return;
  }
  if (session !== polled) return;
  switch (answer.status) {
    case 'approved':
    case 'ready':
    case 'authorized':
      showShortCode(answer.short_code, true);
      $('pair-wait').textContent = '';
      $('pair-lead').textContent = 'The store accepted this code:';
      $('pair-finish').textContent = answer.short_code ? 'They match, finish' : 'Finish';
      show($('pair-finish'));
      $('pair-finish').focus();
      return;
    case 'completed': return endPairing('This printer is paired.', true);
    case 'denied': return endPairing('The store declined this pairing. Nothing has changed on this printer.', false);
    case 'expired': return endPairing('The code has expired. Start again for a new one.', false);
    case 'slow_down': polled.wait += 5; break;
    default: break;
  }
  showShortCode(answer.short_code, false);
  $('pair-wait').textContent = 'Waiting for the store …';
  setTimeout(() => pollPairing(polled), polled.wait * 1000);
}

function showShortCode(code, approved) {
  show($('pair-compare'), Boolean(code));
  $('pair-short').textContent = code || '';
  $('pair-compare-lead').textContent = approved
    ? 'Does the store show the same short code? If not, stop: somebody else may be in between.'
    : 'The store must show this short code as well:';
}

async function finishPairing() {
  const finished = session;
  await post('pair/complete', finished && finished.id ? { session_id: finished.id } : {});
  if (session === finished) endPairing('This printer is paired. Files you buy can be sent to it now.', true);
}

function endPairing(text, good) {
  session = null;
  show($('pair-open'), false);
  show($('pair-form'), !good);
  $('pair-again').open = false;
  if (text) {
    $('pair-done').textContent = text;
    $('pair-done').className = good ? 'notice good' : 'notice';
  }
  show($('pair-done'), Boolean(text));
}

// ---- small things ----

function words(state) { return typeof state === 'string' ? state.replaceAll('_', ' ') : ''; }

function host(address) {
  try { return new URL(address).host; } catch { return address || ''; }
}

function webAddress(address) {
  try { return /^https?:$/.test(new URL(address).protocol) ? address : null; } catch { return null; }
}

function when(time) {
  const date = new Date(time);
  return time && !Number.isNaN(date.valueOf()) ? date.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }) : '';
}

function size(bytes) {
  if (typeof bytes !== 'number') return '';
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

async function busy(button, action) {
  button.disabled = true;
  refused = null;
  try {
    await action();
    await refresh();
  } catch (problem) {
    if (!problem.title) throw problem;
    dismissed = '';
    refused = problem;
    showProblem(problem);
  } finally {
    button.disabled = false;
  }
}

function onSubmit(form, action) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim() || null]));
    busy(form.querySelector('button'), () => action(values));
  });
}

onSubmit($('pair-form'), async (values) => {
  if (values.store && !values.store.includes('://')) values.store = `https://${values.store}`;
  openPairing(await post('pair/start', values));
});
onSubmit($('sign-in-form'), async ({ username }) => {
  const field = $('sign-in-form').elements.password;
  const answer = await call('POST', `${ROOT}/access/login`, { username, password: field.value });
  bearer = answer.token;
  field.value = '';
  refreshForever();
});
$('pair-finish').addEventListener('click', () => busy($('pair-finish'), finishPairing));
$('pair-stop').addEventListener('click', () => { stopped.add(session.id); endPairing('', false); });
$('pair-again').addEventListener('toggle', () => show($('pair-form'), !session && (!$('pair-again').hidden ? $('pair-again').open : true)));
$('check').addEventListener('click', () => busy($('check'), () => post('check_jobs')));
$('problem-close').addEventListener('click', () => { refused = null; dismissed = $('problem').dataset.shown; show($('problem'), false); });

refreshForever();
