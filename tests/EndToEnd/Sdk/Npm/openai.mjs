// OpenAI's npm client, as a developer has it, with nothing but the base URL changed.
import OpenAI from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { apiKey, assert, baseUrl, check, failing, run } from './checks.mjs';

const client = new OpenAI({ baseURL: baseUrl + '/v1', apiKey, maxRetries: 0 });
const user = content => [{ role: 'user', content }];
const nano = { model: 'jesus-nano', messages: user('Who are you?'), max_tokens: 40 };
const cloud = (name, more) => ({ model: 'cloud/' + name, messages: user('Hi'), ...more });
const calc = {
  type: 'function',
  function: {
    name: 'calc',
    description: 'Computes an arithmetic expression.',
    parameters: { type: 'object', properties: { expression: { type: 'string' } }, required: ['expression'] },
  },
};

/** A client that counts the requests it sends. */
function counting(maxRetries) {
  const counted = { requests: 0 };
  counted.client = new OpenAI({ baseURL: baseUrl + '/v1', apiKey, maxRetries, fetch: (...a) => (counted.requests++, fetch(...a)) });
  return counted;
}

async function textOf(stream) {
  let text = '';
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
  }

  return text;
}

check('models are listed', async () => {
  const models = await client.models.list();
  assert.ok(models.data.some(m => m.id === 'jesus-nano' && m.object === 'model'));
  assert.ok(models.data.some(m => m.id === 'cloud/hello'));
});

check('a model is retrieved by its name', async () => {
  assert.equal((await client.models.retrieve('jesus-nano')).owned_by, 'local');
  assert.equal((await client.models.retrieve('cloud/hello')).owned_by, 'cloud');
  assert.ok(await failing(client.models.retrieve('no-such')) instanceof OpenAI.NotFoundError);
});

check('a chat answers whole, with usage and the id of the request', async () => {
  const { data: answer, response } = await client.chat.completions.create(nano).withResponse();
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.ok(answer.usage.prompt_tokens > 0);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.match(answer._request_id, /^req_/);
  assert.match(response.headers.get('openai-processing-ms'), /^\d+$/);
  assert.equal(response.headers.get('openai-version'), '2020-10-01');
});

check('a chat streams the text that the whole answer has, and its usage', async () => {
  const whole = await client.chat.completions.create(nano);
  const stream = client.chat.completions.stream({ ...nano, stream_options: { include_usage: true } });
  const answer = await stream.finalChatCompletion();
  assert.equal(answer.choices[0].message.content, whole.choices[0].message.content);
  assert.deepEqual(answer.usage, whole.usage);
});

check('two answers come for n = 2', async () => {
  const answer = await client.chat.completions.create({ ...nano, n: 2, temperature: 1, seed: 3 });
  assert.deepEqual(answer.choices.map(c => c.index), [0, 1]);
});

check('a seed gives the same answer again', async () => {
  const ask = { ...nano, temperature: 1.2, seed: 42 };
  const [one, two] = [await client.chat.completions.create(ask), await client.chat.completions.create(ask)];
  assert.equal(one.choices[0].message.content, two.choices[0].message.content);
});

check('a stop text ends the answer before it', async () => {
  const whole = (await client.chat.completions.create(nano)).choices[0].message.content;
  const stop = whole.slice(4, 8);
  const answer = await client.chat.completions.create({ ...nano, stop: [stop] });
  assert.equal(answer.choices[0].message.content, whole.slice(0, whole.indexOf(stop)));
  assert.equal(answer.choices[0].finish_reason, 'stop');
});

check('log probabilities come with the tokens of the local model', async () => {
  const choice = (await client.chat.completions.create({ ...nano, logprobs: true })).choices[0];
  assert.equal(choice.logprobs.content.map(t => t.token).join(''), choice.message.content);
  assert.ok(choice.logprobs.content.every(t => t.logprob <= 0));
});

check('alternatives of a token come from a provider that gives them', async () => {
  const choice = (await client.chat.completions.create(cloud('logprobs', { logprobs: true, top_logprobs: 2 }))).choices[0];
  assert.deepEqual(choice.logprobs.content[0].top_logprobs.map(t => t.token), ['Hi', 'Ho']);
});

check('a required tool is called', async () => {
  const answer = await client.chat.completions.create({ model: 'jesus-nano', messages: user('What is 17 times 3?'), tools: [calc], tool_choice: 'required' });
  assert.equal(answer.choices[0].finish_reason, 'tool_calls');
  const call = answer.choices[0].message.tool_calls[0];
  assert.equal(call.function.name, 'calc');
  assert.equal(typeof JSON.parse(call.function.arguments).expression, 'string');
});

check('a named tool is called, and only allowed ones are', async () => {
  const other = { ...calc, function: { ...calc.function, name: 'other' } };
  for (const tool_choice of [
    { type: 'function', function: { name: 'other' } },
    { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'other' } }] } },
  ]) {
    const answer = await client.chat.completions.create({ model: 'jesus-nano', messages: user('17 times 3?'), tools: [calc, other], tool_choice, max_tokens: 60 });
    assert.equal(answer.choices[0].message.tool_calls[0].function.name, 'other');
  }
});

check('parallel tool calls arrive apart, whole and streamed', async () => {
  const ask = cloud('parallel', { tools: [calc] });
  const whole = await client.chat.completions.create(ask);
  const streamed = await client.chat.completions.stream(ask).finalChatCompletion();
  for (const answer of [whole, streamed]) {
    const calls = answer.choices[0].message.tool_calls;
    assert.deepEqual(calls.map(c => [c.id, c.function.arguments]), [['call_a', '{"expression":"1+1"}'], ['call_b', '{"expression":"2+2"}']]);
    assert.equal(answer.choices[0].finish_reason, 'tool_calls');
  }
});

check('runTools goes through calls and their results to the answer', async () => {
  const runner = client.chat.completions.runTools(cloud('agent', {
    tools: [zodFunction({ name: 'calc', parameters: z.object({ expression: z.string() }), function: ({ expression }) => 'result of ' + expression })],
  }));
  assert.equal(await runner.finalContent(), 'It is: result of 1+1');
});

check('an answer is parsed by its zod schema', async () => {
  const Verdict = z.object({ level: z.enum(['low', 'high']), urgent: z.boolean() });
  const answer = await client.chat.completions.parse({
    model: 'jesus-nano', messages: user('Disk full on web-3. How bad is it?'), response_format: zodResponseFormat(Verdict, 'verdict'),
  });
  assert.ok(['low', 'high'].includes(answer.choices[0].message.parsed.level));
  assert.equal(typeof answer.choices[0].message.parsed.urgent, 'boolean');
});

check('json_object gives an object', async () => {
  const answer = await client.chat.completions.create({ ...nano, max_tokens: 200, response_format: { type: 'json_object' } });
  if (answer.choices[0].finish_reason === 'stop') {
    assert.equal(typeof JSON.parse(answer.choices[0].message.content), 'object');
  }
});

check('images, and fields that only the provider knows, reach it as they were sent', async () => {
  const messages = [{ role: 'user', name: 'bob', content: [
    { type: 'text', text: 'What is it?' },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'low' } },
    { type: 'image_url', image_url: { url: 'https://images.example/a.png' } },
  ] }];
  const ask = cloud('echo', { messages, verbosity: 'low', reasoning_effort: 'high', metadata: { a: 'b' }, prediction: { type: 'content', content: 'x' }, store: true });
  const answer = await client.chat.completions.create(ask);
  const { model, ...sent } = JSON.parse(answer.choices[0].message.content);
  assert.equal(model, 'echo');
  assert.deepEqual(sent, (({ model: _, ...rest }) => rest)(ask));
});

check('the answer of a provider comes back with fields that nobody here knows', async () => {
  assert.equal((await client.chat.completions.create(cloud('hello'))).vendor_field, 1.5);
});

check('a field that the local model cannot honour is refused by name', async () => {
  for (const [field, value] of [['verbosity', 'low'], ['store', true], ['audio', { voice: 'alloy', format: 'wav' }], ['no_such', 1]]) {
    const error = await failing(client.chat.completions.create({ ...nano, [field]: value }));
    assert.ok(error instanceof OpenAI.BadRequestError, `${field}: ${error}`);
    assert.equal(error.param, field);
  }
});

check('a refusal is told apart from text', async () => {
  const ask = cloud('refuses');
  const streamed = await client.chat.completions.stream(ask).finalChatCompletion();
  for (const answer of [await client.chat.completions.create(ask), streamed]) {
    assert.equal(answer.choices[0].message.refusal, 'I can not help with that.');
    assert.equal(answer.choices[0].message.content, null);
  }
});

check('reasoning comes apart from the answer', async () => {
  const { choices, usage } = await client.chat.completions.create(cloud('reasons'));
  assert.deepEqual([choices[0].message.reasoning_content, choices[0].message.content], ['hm', 'Yes']);
  assert.equal(usage.completion_tokens_details.reasoning_tokens, 3);
  assert.equal(usage.prompt_tokens_details.cached_tokens, 4);
});

check('an unknown model is a NotFoundError that names it', async () => {
  const error = await failing(client.chat.completions.create({ ...nano, model: 'no-such' }));
  assert.ok(error instanceof OpenAI.NotFoundError);
  assert.equal(error.code, 'model_not_found');
});

check('a wrong key is an AuthenticationError', async () => {
  const error = await failing(new OpenAI({ baseURL: baseUrl + '/v1', apiKey: 'sk-wrong', maxRetries: 0 }).models.list());
  assert.ok(error instanceof OpenAI.AuthenticationError);
  assert.equal(error.code, 'invalid_api_key');
});

check('a prompt that is too long is a BadRequestError', async () => {
  const error = await failing(client.chat.completions.create({ ...nano, messages: user('word and word '.repeat(2000)) }));
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.equal(error.code, 'context_length_exceeded');
});

check('a rate limited provider is a RateLimitError that says when, and the client asks again', async () => {
  const counted = counting(1);
  const error = await failing(counted.client.chat.completions.create(cloud('limited')));
  assert.ok(error instanceof OpenAI.RateLimitError, String(error));
  assert.equal(error.headers.get('x-should-retry'), 'true');
  assert.ok(Number(error.headers.get('retry-after-ms')) > 0);
  assert.equal(counted.requests, 2);
});

check('a broken provider is an InternalServerError', async () => {
  const error = await failing(client.chat.completions.create(cloud('broken')));
  assert.ok(error instanceof OpenAI.InternalServerError, String(error));
});

check('what would fail again is not asked again', async () => {
  const counted = counting(2);
  const error = await failing(counted.client.moderations.create({ input: 'x' }));
  assert.equal(error.status, 501);
  assert.equal(error.code, 'not_implemented');
  assert.equal(counted.requests, 1);
});

check('a stream that is cut throws and never looks finished', async () => {
  const error = await failing(textOf(await client.chat.completions.create(cloud('cut', { stream: true }))));
  assert.ok(error instanceof OpenAI.APIError, String(error));
});

check('a stream that the client leaves ends there, and the next call works', async () => {
  const stream = await client.chat.completions.create(cloud('endless', { stream: true }));
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content) {
      break;
    }
  }

  assert.ok((await client.chat.completions.create(nano)).choices.length === 1);
});

check('a plain completion continues its prompt, whole and streamed', async () => {
  const ask = { model: 'jesus-nano', prompt: 'Who are', max_tokens: 12 };
  const whole = await client.completions.create({ ...ask, logprobs: 0 });
  assert.equal(whole.object, 'text_completion');
  assert.equal(whole.choices[0].logprobs.tokens.join(''), whole.choices[0].text);
  let text = '';
  for await (const chunk of await client.completions.create({ ...ask, stream: true })) {
    text += chunk.choices[0]?.text ?? '';
  }

  assert.equal(text, whole.choices[0].text);
});

check('a bias decides which token is drawn', async () => {
  const biased = await client.completions.create({ model: 'jesus-nano', prompt: 'Who are', max_tokens: 3, logit_bias: { 300: 100 }, logprobs: 0 });
  const plain = await client.completions.create({ model: 'jesus-nano', prompt: 'Who are', max_tokens: 3, logprobs: 0 });
  const [first, ...others] = biased.choices[0].logprobs.tokens;
  assert.deepEqual(others, [first, first]);
  assert.notDeepEqual(plain.choices[0].logprobs.tokens, biased.choices[0].logprobs.tokens);
});

check('a plain completion takes token ids, and a chat provider refuses it by name', async () => {
  assert.equal((await client.completions.create({ model: 'jesus-nano', prompt: [5, 6, 7], max_tokens: 2 })).usage.prompt_tokens, 3);
  const error = await failing(client.completions.create({ model: 'cloud/hello', prompt: 'x' }));
  assert.ok(error instanceof OpenAI.BadRequestError, String(error));
  assert.equal(error.param, 'prompt');
});

check('embeddings come as the client asks by default, as floats and as base64', async () => {
  const ask = { model: 'cloud/embed', input: ['a', 'b'] };
  for (const format of [undefined, 'float']) {
    const answer = await client.embeddings.create(format ? { ...ask, encoding_format: format } : ask);
    assert.deepEqual(answer.data.map(d => d.embedding), [[0.5, -1.25], [2, 0]]);
    assert.equal(answer.usage.prompt_tokens, 2);
  }

  const raw = await client.post('/embeddings', { body: { ...ask, encoding_format: 'base64' } });
  assert.equal(Buffer.from(raw.data[0].embedding, 'base64').readFloatLE(4), -1.25);
});

check('a chat model of the box embeds texts and token ids, and refuses more dimensions than it has', async () => {
  const answer = await client.embeddings.create({ model: 'jesus-nano', input: ['hello', 'world', 'hello'] });
  assert.deepEqual(answer.data[0].embedding, answer.data[2].embedding);
  assert.ok(Math.abs(answer.data[1].embedding.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-4);
  assert.equal((await client.embeddings.create({ model: 'jesus-nano', input: [5, 6, 7] })).usage.prompt_tokens, 3);
  const error = await failing(client.embeddings.create({ model: 'jesus-nano', input: 'x', dimensions: 8000 }));
  assert.ok(error instanceof OpenAI.BadRequestError, String(error));
  assert.equal(error.param, 'dimensions');
});

check('a chat model does not rank', async () => {
  const error = await failing(client.post('/rerank', { body: { model: 'jesus-nano', query: 'q', documents: ['a'] } }));
  assert.ok(error instanceof OpenAI.BadRequestError, String(error));
});

check('documents are ranked', async () => {
  const answer = await client.post('/rerank', { body: { model: 'cloud/rank', query: 'q', documents: ['a', 'b'], top_n: 1 } });
  assert.deepEqual(answer.results, [{ index: 1, relevance_score: 0.75 }]);
});

await run();
