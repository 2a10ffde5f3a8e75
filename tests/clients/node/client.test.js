// SPDX-License-Identifier: Apache-2.0
// A Node.js client of a running suite (CHASQUI_SERVER), with messages read from the .proto files.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, test } from 'node:test';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const PROTO = fileURLToPath(new URL('../../../proto', import.meta.url));
const OPTIONS = {
  includeDirs: [PROTO], keepCase: true, longs: String, enums: String, oneofs: true, defaults: true,
};
const load = (file) => grpc.loadPackageDefinition(protoLoader.loadSync(file, OPTIONS));

const { chasqui } = load('chasqui/inference/v1/inference_service.proto');
const health = load('grpc/health/v1/health.proto').grpc.health.v1;
const rpc = {
  ...protoLoader.loadSync('google/rpc/status.proto', OPTIONS),
  ...protoLoader.loadSync('google/rpc/error_details.proto', OPTIONS),
};

const SERVER = process.env.CHASQUI_SERVER;
const credentials = grpc.credentials.createInsecure();
const client = new chasqui.inference.v1.InferenceService(SERVER, credentials);
const healthClient = new health.Health(SERVER, credentials);
after(() => {
  client.close();
  healthClient.close();
});

const inSeconds = (seconds) => ({ deadline: Date.now() + seconds * 1000 });
const chat = (text, fields = {}) => ({
  chat: { messages: [{ role: 'ROLE_USER', parts: [{ text }] }] },
  sampling: { temperature: 0 },
  stop: { max_tokens: 64 },
  ...fields,
});
const long = () => ({ prompt: 'A llama', sampling: { temperature: 0 }, stop: { max_tokens: 900, ignore_eos: true } });
const unary = (target, method, request) =>
  new Promise((resolve, reject) => {
    target[method](request, inSeconds(30), (error, response) => (error ? reject(error) : resolve(response)));
  });

// The text of a stream, which is checked as it comes.
async function read(stream) {
  let text = '';
  let next = 0;
  for await (const event of stream) {
    assert.equal(event.sequence, String(next++));
    if (event.event === 'chunk') text += event.chunk.text;
  }
  return text;
}

// The google.rpc details of an error, by the names of their messages.
function decode(error) {
  const [packed] = error.metadata.get('grpc-status-details-bin');
  const { code, details } = rpc['google.rpc.Status'].deserialize(packed);
  assert.equal(code, error.code);
  return Object.fromEntries(details.map(({ type_url: url, value }) => {
    const name = url.split('/')[1];
    return [name, rpc[name].deserialize(value)];
  }));
}

test('a chat is streamed', async () => {
  const text = await read(client.StreamGenerate(chat('What is the capital of France?'), inSeconds(60)));
  assert.equal(text, 'The capital of France is Paris.');
});

test('a chat is answered at once', async () => {
  const response = await unary(client, 'Generate', chat('What is the capital of France?'));
  assert.equal(response.completions[0].text, 'The capital of France is Paris.');
  assert.equal(response.completions[0].finish_reason, 'FINISH_REASON_STOP');
});

test('ten streams at once are told apart', async () => {
  const questions = ['What is the capital of France?', 'What is a router?'];
  const ask = (i) => read(client.StreamGenerate(chat(questions[i % 2]), inSeconds(60)));
  const texts = await Promise.all([...Array(10).keys()].map(ask));
  assert.equal(new Set(texts).size, 2);
  texts.forEach((text, i) => assert.equal(text, texts[i % 2]));
});

test('health is serving', async () => {
  const response = await unary(healthClient, 'Check', { service: 'chasqui.inference.v1.InferenceService' });
  assert.equal(response.status, 'SERVING');
});

test('an unknown model is not found, with details', async () => {
  const error = await unary(client, 'Generate', chat('hello', { model: 'nope' })).then(assert.fail, (e) => e);
  assert.equal(error.code, grpc.status.NOT_FOUND);
  assert.equal(decode(error)['google.rpc.ResourceInfo'].resource_name, 'nope');
});

test('a stream can be cancelled', async () => {
  const stream = client.StreamGenerate(long(), inSeconds(60));
  const error = await new Promise((resolve, reject) => {
    stream.once('data', () => stream.cancel());
    stream.on('error', resolve);
    stream.on('end', () => reject(new Error('it ended by itself')));
  });
  assert.equal(error.code, grpc.status.CANCELLED);
});

test('a deadline ends a stream', async () => {
  await assert.rejects(read(client.StreamGenerate(long(), inSeconds(0.1))), { code: grpc.status.DEADLINE_EXCEEDED });
});
