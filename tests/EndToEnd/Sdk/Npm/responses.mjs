// OpenAI's Responses API through its npm client, with nothing but the base URL changed.
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { apiKey, assert, baseUrl, check, failing, run } from './checks.mjs';

const client = new OpenAI({ baseURL: baseUrl + '/v1', apiKey, maxRetries: 0 });
const nano = { model: 'jesus-nano', input: 'Who are you?', max_output_tokens: 40 };
const calc = {
  type: 'function', name: 'calc', description: 'Computes an arithmetic expression.', strict: true,
  parameters: { type: 'object', properties: { expression: { type: 'string' } }, required: ['expression'], additionalProperties: false },
};

/** Asks again until a response in the background has ended. */
async function ended(id) {
  for (;;) {
    const response = await client.responses.retrieve(id);
    if (!['queued', 'in_progress'].includes(response.status)) {
      return response;
    }

    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

check('a response answers whole, with its text and usage', async () => {
  const response = await client.responses.create({ ...nano, instructions: 'Be brief.', metadata: { of: 'test' } });
  assert.equal(response.object, 'response');
  assert.ok(['completed', 'incomplete'].includes(response.status));
  assert.ok(response.output_text.length > 0);
  assert.ok(response.usage.input_tokens > 0);
  assert.equal(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens);
  assert.equal(response.metadata.of, 'test');
  assert.match(response._request_id, /^req_/);
});

check('a response streams the text that the whole one has, in events numbered without a gap', async () => {
  const whole = await client.responses.create({ ...nano, store: false });
  let text = '', number = 0, last;
  for await (const event of await client.responses.create({ ...nano, store: false, stream: true })) {
    assert.equal(event.sequence_number, number++);
    text += event.type === 'response.output_text.delta' ? event.delta : '';
    last = event;
  }

  assert.equal(text, whole.output_text);
  assert.match(last.type, /^response\.(completed|incomplete)$/);
  assert.equal(last.response.output[0].content[0].text, text);
});

check('the stream helper puts the events together as the response that is kept', async () => {
  const stream = client.responses.stream({ model: 'cloud/hello', input: 'Hi' });
  let deltas = '';
  stream.on('response.output_text.delta', event => { deltas += event.delta; });
  const final = await stream.finalResponse();
  assert.equal(deltas, 'Hello there');
  assert.equal(final.output_text, 'Hello there');
  assert.equal((await client.responses.retrieve(final.id)).output_text, 'Hello there');
});

check('an answer after a schema is parsed', async () => {
  const answer = z.object({ name: z.string(), friendly: z.boolean() });
  const response = await client.responses.parse({ model: 'jesus-nano', input: 'Who are you?', max_output_tokens: 200, text: { format: zodTextFormat(answer, 'answer') } });
  assert.equal(response.status, 'completed');
  assert.equal(typeof response.output_parsed.name, 'string');
  assert.equal(typeof response.output_parsed.friendly, 'boolean');
});

check('tools are called in a loop that previous_response_id continues', async () => {
  const first = await client.responses.create({ model: 'cloud/tool', input: 'What is 2+2?', tools: [calc] });
  const call = first.output.find(item => item.type === 'function_call');
  assert.deepEqual([call.name, call.arguments, call.status], ['calc', '{"expression":"2+2"}', 'completed']);
  const second = await client.responses.create({
    model: 'cloud/tool', previous_response_id: first.id, tools: [calc], input: [{ type: 'function_call_output', call_id: call.call_id, output: '4' }],
  });
  assert.equal(second.output_text, 'What is 2+2? It is 4');
  assert.equal(second.previous_response_id, first.id);
});

check('the output of one response is taken as the input of the next', async () => {
  const input = [{ role: 'user', content: 'What is 2+2?' }];
  const first = await client.responses.create({ model: 'cloud/tool', input, tools: [calc], store: false });
  const call = first.output.find(item => item.type === 'function_call');
  const second = await client.responses.create({
    model: 'cloud/tool', tools: [calc], store: false, input: [...input, ...first.output, { type: 'function_call_output', call_id: call.call_id, output: '4' }],
  });
  assert.equal(second.output_text, 'What is 2+2? It is 4');
});

check('tool calls stream their arguments', async () => {
  const final = await client.responses.stream({ model: 'cloud/tool', input: 'What is 2+2?', tools: [calc] }).finalResponse();
  assert.deepEqual(final.output.map(item => [item.type, item.arguments]), [['function_call', '{"expression":"2+2"}']]);
});

check('a response is retrieved with its input items, and deleted', async () => {
  const made = await client.responses.create({ ...nano, input: [{ role: 'user', content: 'one' }, { role: 'user', content: 'two' }] });
  assert.equal((await client.responses.retrieve(made.id)).output_text, made.output_text);
  const texts = [];
  for await (const item of client.responses.inputItems.list(made.id, { limit: 1, order: 'asc' })) {
    texts.push(item.content[0].text);
  }

  assert.deepEqual(texts, ['one', 'two']);
  await client.responses.delete(made.id);
  assert.ok(await failing(client.responses.retrieve(made.id)) instanceof OpenAI.NotFoundError);
});

check('input tokens are counted as the answer will count them', async () => {
  const counted = await client.responses.inputTokens.count({ model: 'jesus-nano', input: nano.input });
  assert.equal(counted.object, 'response.input_tokens');
  assert.equal(counted.input_tokens, (await client.responses.create(nano)).usage.input_tokens);
});

check('a response in the background is fetched when it has ended', async () => {
  const queued = await client.responses.create({ ...nano, background: true });
  assert.equal(queued.status, 'queued');
  const response = await ended(queued.id);
  assert.ok(['completed', 'incomplete'].includes(response.status));
  assert.ok(response.output_text.length > 0);
});

check('a response in the background is cancelled', async () => {
  const queued = await client.responses.create({ model: 'cloud/endless', input: 'Hi', background: true });
  assert.equal((await client.responses.cancel(queued.id)).status, 'cancelled');
  assert.equal((await client.responses.retrieve(queued.id)).status, 'cancelled');
});

check('the events of a response in the background are streamed again from any number', async () => {
  const events = [];
  for await (const event of await client.responses.create({ model: 'cloud/hello', input: 'Hi', background: true, stream: true })) {
    events.push(event);
  }

  assert.equal(events.at(-1).type, 'response.completed');
  const again = [];
  for await (const event of await client.responses.retrieve(events[0].response.id, { stream: true, starting_after: 3 })) {
    again.push(event);
  }

  assert.deepEqual(again, events.slice(4));
  const resumed = client.responses.stream({ response_id: events[0].response.id, starting_after: 3 });
  assert.equal((await resumed.finalResponse()).output_text, 'Hello there');
});

check('a stream that its upstream cuts ends with response.failed', async () => {
  const types = [];
  for await (const event of await client.responses.create({ model: 'cloud/cut', input: 'Hi', stream: true })) {
    types.push(event.type);
  }

  assert.equal(types.at(-1), 'response.failed');
  assert.ok(!types.includes('response.completed') && !types.includes('response.output_text.done'));
});

check('what cannot be honoured is a BadRequestError that names it', async () => {
  const conversation = await failing(client.responses.create({ ...nano, conversation: 'conv_1' }));
  assert.ok(conversation instanceof OpenAI.BadRequestError);
  assert.equal(conversation.param, 'conversation');
  const hosted = await failing(client.responses.create({ ...nano, tools: [{ type: 'web_search' }] }));
  assert.ok(hosted instanceof OpenAI.BadRequestError);
  assert.match(hosted.message, /web_search/);
});

check('a response that is not there cannot be continued', async () => {
  const error = await failing(client.responses.create({ ...nano, previous_response_id: 'resp_none' }));
  assert.ok(error instanceof OpenAI.NotFoundError);
  assert.equal(error.code, 'previous_response_not_found');
});

await run();
