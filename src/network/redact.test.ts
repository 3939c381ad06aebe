import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createScrubber, redactUrl } from './redact.ts'

test('a URL is shown without user, query and fragment', () => {
  assert.equal(
    redactUrl(new URL('https://u:secret@h.test:8443/a/b?X-Amz-Signature=secret#secret')),
    'https://h.test:8443/a/b?…',
  )
  assert.equal(redactUrl(new URL('http://h.test/a')), 'http://h.test/a')
})

test('a secret is hidden in each form in which an answer may repeat it', () => {
  const scrubber = createScrubber()
  const secret = 'pa:"ss/wörd'
  scrubber.add(secret)
  const said = [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
    JSON.stringify({ secret }),
  ].join(' ')
  const clean = scrubber.scrub(said)
  assert.equal(clean, '*** *** *** {"secret":"***"}')
})

test('a secret within another leaves nothing of the longer one', () => {
  const scrubber = createScrubber()
  scrubber.add('abcd')
  scrubber.add('abcdefgh')
  assert.equal(scrubber.scrub('abcdefgh abcd'), '*** ***')
})

test('of many tokens the latest are remembered', () => {
  const scrubber = createScrubber()
  for (let i = 0; i < 1000; i++) scrubber.add(`token-${i}-x`)
  assert.equal(scrubber.scrub('token-999-x'), '***')
  assert.equal(scrubber.scrub('token-1-x'), 'token-1-x')
})
