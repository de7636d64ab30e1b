// Anthropic's npm client, as a developer has it, with nothing but the base URL changed.
import Anthropic from '@anthropic-ai/sdk';
import { apiKey, assert, baseUrl, check, failing, run } from './checks.mjs';

const client = new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0 });
const ask = (model, content = 'Hi') => ({ model, max_tokens: 64, messages: [{ role: 'user', content }] });
const calc = { name: 'calc', description: 'Adds', input_schema: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] } };

check('models are listed and retrieved in the shape of the API', async () => {
  const names = [];
  for await (const model of client.models.list({ limit: 1 })) {
    assert.equal(model.type, 'model');
    names.push(model.id);
  }

  assert.ok(names.includes('jesus-nano') && names.includes('cloud/hello'), names.join());
  assert.equal((await client.models.retrieve('jesus-nano')).display_name, 'jesus-nano');
});

check('the local model answers whole, with usage and the id of the request', async () => {
  const message = await client.messages.create(ask('jesus-nano', 'Who are you?'));
  assert.ok(message.content[0].text.length > 0);
  assert.ok(['end_turn', 'max_tokens'].includes(message.stop_reason));
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  assert.equal(message.model, 'jesus-nano');
  assert.match(message.id, /^msg_/);
  assert.match(message._request_id, /^req_/);
});

check('the stream of the local model has the text of the whole answer', async () => {
  const whole = await client.messages.create(ask('jesus-nano', 'Who are you?'));
  let text = '';
  let began;
  const stream = client.messages.stream(ask('jesus-nano', 'Who are you?')).on('text', piece => { text += piece; })
    .on('streamEvent', event => { began = event.type === 'message_start' ? { ...event.message.usage } : began; });
  const last = await stream.finalMessage();
  for (const sort of ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens']) {
    assert.equal(began[sort], last.usage[sort], sort);
  }

  assert.equal(text, whole.content[0].text);
  assert.equal(last.content[0].text, text);
  assert.deepEqual(last.usage.output_tokens, whole.usage.output_tokens);
  assert.equal(last.usage.input_tokens, whole.usage.input_tokens);
});

check('a caller may send its key as a bearer token', async () => {
  const bearer = new Anthropic({ baseURL: baseUrl, apiKey: null, authToken: apiKey, maxRetries: 0 });
  assert.ok((await bearer.messages.create(ask('cloud/hello'))).content.length > 0);
});

check('tokens are counted as they are charged', async () => {
  const body = ask('jesus-nano', 'Who are you?');
  const counted = await client.messages.countTokens({ model: body.model, messages: body.messages });
  assert.equal(counted.input_tokens, (await client.messages.create(body)).usage.input_tokens);
});

check('an answer of another API comes as a message with its cached tokens told apart', async () => {
  const message = await client.messages.create(ask('cloud/hello'));
  assert.equal(message.content[0].text, 'Hello there');
  assert.equal(message.stop_reason, 'end_turn');
  assert.deepEqual([message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens], [3, 2, 2]);
});

check('the events of a stream come in the order of the API', async () => {
  const types = [];
  for await (const event of await client.messages.create({ ...ask('cloud/hello'), stream: true })) {
    types.push(event.type);
  }

  assert.deepEqual(types, ['message_start', 'content_block_start', 'content_block_delta', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop']);
});

check('a loop with tools sends results and errors back until the answer', async () => {
  const messages = [{ role: 'user', content: 'What is 2 + 2, and 1 / 0?' }];
  const first = await client.messages.create({ model: 'cloud/tools', max_tokens: 64, messages, tools: [calc] });
  assert.equal(first.stop_reason, 'tool_use');
  const uses = first.content.filter(block => block.type === 'tool_use');
  assert.deepEqual(uses.map(use => [use.name, use.input]), [['calc', { a: 4 }], ['calc', { a: 0 }]]);
  messages.push({ role: 'assistant', content: first.content });
  messages.push({
    role: 'user',
    content: [
      { type: 'tool_result', tool_use_id: uses[0].id, content: '4' },
      { type: 'tool_result', tool_use_id: uses[1].id, content: [{ type: 'text', text: 'division by zero' }], is_error: true },
    ],
  });
  const second = await client.messages.create({ model: 'cloud/tools', max_tokens: 64, messages, tools: [calc] });
  assert.equal(second.content[0].text, 'call_1=4 call_2=division by zero');
});

check('tool calls stream as pieces of their input', async () => {
  const stream = client.messages.stream({ ...ask('cloud/tools', 'go'), tools: [calc] });
  let pieces = 0;
  stream.on('inputJson', () => pieces++);
  const last = await stream.finalMessage();
  assert.ok(pieces >= 3);
  assert.deepEqual(last.content.map(block => block.input), [{ a: 4 }, { a: 0 }]);
});

check('thinking is a block of its own and can be handed back', async () => {
  const body = { ...ask('cloud/thinks'), max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 1024 } };
  const first = await client.messages.create(body);
  assert.deepEqual(first.content.map(block => block.type), ['thinking', 'text']);
  assert.equal(first.content[0].thinking, 'Let me see.');
  const next = await client.messages.create({
    ...body, messages: [...body.messages, { role: 'assistant', content: first.content }, { role: 'user', content: 'And?' }],
  });
  assert.equal(next.content.at(-1).text, 'Yes.');
});

check('what only the provider can do is refused by its name elsewhere', async () => {
  const error = await failing(client.messages.create({
    ...ask('cloud/hello'), messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x' } }] }],
  }));
  assert.ok(error instanceof Anthropic.BadRequestError);
  assert.match(error.message, /document/);
});

check('what only the provider can do is forwarded to it, and thinking comes back signed', async () => {
  const message = await client.messages.create({
    model: 'claude/wire', max_tokens: 64,
    messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x' } }, { type: 'text', text: 'Hi' }] }],
  });
  assert.deepEqual(message.content.map(block => block.type), ['thinking', 'text']);
  assert.equal(message.content[0].signature, 'c2ln');
  assert.equal(message.id, 'msg_far');
  const next = await client.messages.create({
    model: 'claude/wire', max_tokens: 64,
    messages: [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: message.content }, { role: 'user', content: 'And?' }],
  });
  assert.equal(next.content[1].text, 'H\u00e9llo');
});

check('an unknown field is a BadRequestError that names it', async () => {
  const error = await failing(client.messages.create({ ...ask('jesus-nano'), best_of: 2 }));
  assert.ok(error instanceof Anthropic.BadRequestError);
  assert.equal(error.type, 'invalid_request_error');
  assert.match(error.message, /best_of/);
});

check('an unknown model is a NotFoundError', async () => {
  const error = await failing(client.messages.create(ask('no-such')));
  assert.ok(error instanceof Anthropic.NotFoundError);
  assert.equal(error.type, 'not_found_error');
  assert.match(error.requestID, /^req_/);
});

check('a wrong key is an AuthenticationError', async () => {
  const error = await failing(new Anthropic({ baseURL: baseUrl, apiKey: 'jsk_wrong', maxRetries: 0 }).messages.create(ask('jesus-nano')));
  assert.ok(error instanceof Anthropic.AuthenticationError);
});

check('an upstream that is busy is a rate limit or an overload, with the time to come back', async () => {
  const error = await failing(client.messages.create(ask('cloud/busy')));
  assert.ok(error instanceof Anthropic.RateLimitError, String(error));
  assert.ok(Number(error.headers.get('retry-after')) > 0);
});

check('a stream that is cut is an error and no message', async () => {
  const error = await failing(client.messages.stream(ask('cloud/cut')).finalMessage());
  assert.ok(error instanceof Anthropic.APIError, String(error));
});

check('a stream can be aborted', async () => {
  const stream = client.messages.stream(ask('cloud/slow'));
  stream.on('text', () => stream.abort());
  const error = await failing(stream.finalMessage());
  assert.ok(error instanceof Anthropic.APIUserAbortError, String(error));
});

const ended = async id => {
  for (;;) {
    const batch = await client.messages.batches.retrieve(id);
    if (batch.processing_status === 'ended') {
      return batch;
    }

    await new Promise(resolve => setTimeout(resolve, 100));
  }
};

check('a batch is created, polled, read, listed and deleted', async () => {
  const batch = await client.messages.batches.create({
    requests: [
      { custom_id: 'nano', params: ask('jesus-nano', 'Who are you?') },
      { custom_id: 'cloud', params: ask('cloud/hello') },
      { custom_id: 'wrong', params: ask('no-such') },
    ],
  });
  assert.equal(batch.type, 'message_batch');
  assert.equal(batch.request_counts.processing, 3);
  assert.deepEqual((await ended(batch.id)).request_counts, { processing: 0, succeeded: 2, errored: 1, canceled: 0, expired: 0 });
  const results = {};
  for await (const line of await client.messages.batches.results(batch.id)) {
    results[line.custom_id] = line.result;
  }

  assert.equal(results.cloud.message.content[0].text, 'Hello there');
  assert.ok(results.nano.message.content[0].text.length > 0);
  assert.equal(results.wrong.error.error.type, 'not_found_error');
  const listed = [];
  for await (const item of client.messages.batches.list({ limit: 1 })) {
    listed.push(item.id);
  }

  assert.ok(listed.includes(batch.id));
  assert.equal((await client.messages.batches.delete(batch.id)).type, 'message_batch_deleted');
  assert.ok(await failing(client.messages.batches.retrieve(batch.id)) instanceof Anthropic.NotFoundError);
});

check('a batch can be cancelled', async () => {
  const batch = await client.messages.batches.create({ requests: [{ custom_id: 'slow', params: ask('cloud/slow') }] });
  assert.ok(['canceling', 'ended'].includes((await client.messages.batches.cancel(batch.id)).processing_status));
  assert.equal((await ended(batch.id)).request_counts.canceled, 1);
});

await run();
