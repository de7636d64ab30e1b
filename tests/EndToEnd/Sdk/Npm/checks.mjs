// Named checks of one script: each is run in turn and reported as one JSON line, which SdkScript.cs reads. A name stands on the line of its check().
import assert from 'node:assert/strict';

export { assert };
export const baseUrl = process.env.JESUS_BASE_URL;
export const apiKey = process.env.JESUS_API_KEY;

const checks = [];

/** Notes a check; run() runs it. */
export function check(name, body) {
  checks.push({ name, body });
}

/** Runs every check noted. One that hangs fails after two minutes: a loaded machine is slow, not dead. */
export async function run() {
  for (const { name, body } of checks) {
    report(name, await failureOf(body));
  }

  process.exit(0);
}

/** Awaits a call that must fail, and gives back its error. */
export async function failing(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }

  assert.fail('the call succeeded, and was expected to fail');
}

async function failureOf(body) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no end after 120 s')), 120_000);
  });
  try {
    await Promise.race([body(), limit]);
    return null;
  } catch (error) {
    return error?.stack ?? String(error);
  } finally {
    clearTimeout(timer);
  }
}

function report(check, failure) {
  process.stdout.write(JSON.stringify({ check, failure }) + '\n');
}
