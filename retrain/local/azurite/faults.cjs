// Loaded into Azurite (node --require) when it is to suffer faults. Each request waits for a verdict
// of the stack, which holds the rules (azurite/fault_line.py), and this file only carries it out.
// The line between the two is a socket that the stack opened; when it ends, all requests pass.
const http = require('node:http');
const net = require('node:net');
const readline = require('node:readline');

const PASS = { then: 'pass', delay: 0 };
const line = new net.Socket({ fd: Number(process.env.RETRAIN_FAULT_LINE) });
const asked = new Map(); // by number: what to call with the verdict
let number = 0;
let open = true;

line.unref(); // it must not keep a stopped Azurite alive
line.on('error', () => {}).on('close', () => {
  open = false;
  asked.forEach((hear) => hear(PASS));
  asked.clear();
});
readline.createInterface({ input: line }).on('line', (text) => {
  const verdict = JSON.parse(text);
  asked.get(verdict.number)?.(verdict);
  asked.delete(verdict.number);
});

function ask(request, hear) {
  if (!open) return hear(PASS);
  number += 1;
  asked.set(number, hear);
  line.write(JSON.stringify({ number, method: request.method, url: request.url }) + '\n');
}

// The stack's own reader is no client: in the cloud it is not there.
const own = (request) => request.headers['user-agent'] === process.env.RETRAIN_OWN_AGENT;

// From now on nothing reaches the client.
function mute(socket) {
  socket.write = (data, encoding, done) => {
    const told = typeof encoding === 'function' ? encoding : done;
    if (told) process.nextTick(told);
    return true;
  };
}

function hangUp(verdict, socket) {
  mute(socket);
  setTimeout(() => socket.destroy(), verdict.silence * 1000).unref();
}

function answer(verdict, request, response) {
  response.writeHead(verdict.status, verdict.headers);
  response.end(request.method === 'HEAD' ? '' : verdict.body);
}

// By hand, since Azurite's own answer is what `response` holds, and what its log will say.
function answerInstead(verdict, request, socket) {
  const headers = { ...verdict.headers, connection: 'close', 'content-length': Buffer.byteLength(verdict.body) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${verdict.status} ${http.STATUS_CODES[verdict.status] || ''}\r\n${lines.join('')}\r\n`;
  socket.write(request.method === 'HEAD' ? head : head + verdict.body);
  mute(socket);
  socket.end();
}

function before(verdict, request, response) {
  if (verdict.then === 'answer') answer(verdict, request, response);
  else hangUp(verdict, response.socket);
}

function after(verdict, request, response, serve) {
  const { socket, writeHead } = response;
  response.writeHead = (...values) => {
    response.writeHead = writeHead;
    const result = response.writeHead(...values);
    if (verdict.then === 'answer') answerInstead(verdict, request, socket);
    else hangUp(verdict, socket);
    return result;
  };
  serve();
}

const { emit } = http.Server.prototype;
http.Server.prototype.emit = function (event, ...values) {
  const [request, response] = values;
  const serve = () => emit.call(this, event, ...values);
  if (event !== 'request' || own(request)) return serve();
  ask(request, (verdict) => {
    setTimeout(() => {
      if (!response.socket) return; // the client has gone
      if (verdict.then === 'pass') serve();
      else if (verdict.effect === 'after') after(verdict, request, response, serve);
      else before(verdict, request, response);
    }, verdict.delay * 1000);
  });
  return true;
};
