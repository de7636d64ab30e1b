// OpenAI's npm client, as a developer has it, with nothing but the base URL changed.
import OpenAI from 'openai';
import { apiKey, assert, baseUrl, check, failing, run } from './checks.mjs';

const client = new OpenAI({ baseURL: baseUrl + '/v1', apiKey, maxRetries: 0 });
const nano = { model: 'jesus-nano', messages: [{ role: 'user', content: 'Who are you?' }], max_tokens: 40 };

check('models are listed', async () => {
  const models = await client.models.list();
  assert.ok(models.data.some(m => m.id === 'jesus-nano' && m.object === 'model'));
});

check('a model is retrieved by its name', async () => {
  assert.equal((await client.models.retrieve('jesus-nano')).owned_by, 'local');
});

check('a chat answers whole, with usage and the id of the request', async () => {
  const answer = await client.chat.completions.create(nano);
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.ok(answer.usage.prompt_tokens > 0);
  assert.match(answer._request_id, /^req_/);
});

check('a chat streams the text that the whole answer has', async () => {
  const whole = await client.chat.completions.create(nano);
  let text = '';
  for await (const chunk of await client.chat.completions.create({ ...nano, stream: true })) {
    text += chunk.choices[0]?.delta?.content ?? '';
  }

  assert.equal(text, whole.choices[0].message.content);
});

check('an unknown model is a NotFoundError that names it', async () => {
  const error = await failing(client.chat.completions.create({ ...nano, model: 'no-such' }));
  assert.ok(error instanceof OpenAI.NotFoundError);
  assert.equal(error.code, 'model_not_found');
});

await run();
