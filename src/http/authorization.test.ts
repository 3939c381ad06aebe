import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { createGuard, type Caller, type Grant } from './authorization.ts'

function grant(server: string, caller: Partial<Caller>): Grant {
  const { config } = parseConfig(
    `server: ${server}
provider:
  source:
    closed.example: { webhook: { auth_header: Bearer one } }
    other.example: { webhook: { auth_header: Bearer two } }
    twin.example: { webhook: { auth_header: Bearer one } }
    open.example: {}
converter: { driver: { type: estargz } }
`,
    'config.yaml',
  )
  return createGuard(config).grant({
    authorization: undefined,
    local: false,
    host: '127.0.0.1:2077',
    ...caller,
  })
}

/** What the caller meets at each registry: ok, or the code of the refusal; and whether the list is open. */
function met(server: string, caller: Partial<Caller>): Record<string, string> {
  const given = grant(server, caller)
  const outcome = (attempt: () => void): string => {
    try {
      attempt()
      return 'ok'
    } catch (error) {
      return isAccelError(error) ? error.code : String(error)
    }
  }
  return Object.fromEntries([
    ...['closed', 'other', 'twin', 'open', 'unknown'].map((name) => [
      name,
      outcome(() => given.requireHost(`${name}.example`)),
    ]),
    ['list', outcome(() => given.requireAny())],
  ])
}

const no = 'HTTP_UNAUTHORIZED'
const unknown = 'HTTP_HOST_UNKNOWN'
const nothing = { closed: no, other: no, twin: no, open: no, unknown: no, list: no }
const everything = { closed: 'ok', other: 'ok', twin: 'ok', open: 'ok', unknown, list: 'ok' }

test('without a header nothing is allowed, also where no header is configured', () => {
  assert.deepEqual(met('{}', {}), nothing)
  assert.deepEqual(met('{}', { authorization: '' }), nothing)
})

test('a header allows the registries that have it, to the letter', () => {
  assert.deepEqual(met('{}', { authorization: 'Bearer one' }), {
    closed: 'ok',
    other: no,
    twin: 'ok',
    open: no,
    unknown,
    list: 'ok',
  })
  for (const authorization of ['bearer one', 'Bearer  one', 'one', 'Bearer one ', 'Bearer on']) {
    assert.deepEqual(met('{}', { authorization }), nothing, authorization)
  }
})

test('the token of the service allows everything that is configured', () => {
  const server = '{ api_token: tok }'
  assert.deepEqual(met(server, { authorization: 'Bearer tok' }), everything)
  assert.deepEqual(met(server, { authorization: 'tok' }), everything)
  assert.deepEqual(met(server, { authorization: 'Basic tok' }), nothing)
})

test('without a token in the configuration no token is right', () => {
  assert.deepEqual(met('{}', { authorization: 'Bearer ' }), nothing)
  assert.deepEqual(met('{ api_token: "" }', { authorization: 'Bearer ' }), nothing)
})

test('allow_unauthenticated opens what has no header, and never what has one', () => {
  const server = '{ allow_unauthenticated: true }'
  assert.deepEqual(met(server, {}), {
    closed: no,
    other: no,
    twin: no,
    open: 'ok',
    unknown,
    list: 'ok',
  })
  assert.deepEqual(met(server, { authorization: 'wrong' }), nothing)
})

test('a browser that was led here under a name of another site is refused, unless it has a token', () => {
  const refused = 'HTTP_NAME_REFUSED'
  const none = { closed: refused, other: refused, twin: refused, open: refused, unknown: refused }
  const server = '{ allow_unauthenticated: true, api_token: tok, allowed_hosts: accel.example.com }'
  const host = 'rebind.example:2077'
  assert.deepEqual(met(server, { host }), { ...none, list: refused })
  assert.deepEqual(met(server, { host, authorization: 'tok' }), everything)
  assert.deepEqual(met(server, { host, local: true }), everything)
  assert.equal(met(server, { host: 'accel.example.com' })['list'], 'ok')
  // where nothing is open there is nothing to be led to: the answer is that a header is missing
  assert.deepEqual(met('{}', { host }), nothing)
})

test('the Unix domain socket allows everything, unless a wrong header is sent', () => {
  assert.deepEqual(met('{}', { local: true }), everything)
  assert.deepEqual(met('{}', { local: true, authorization: 'wrong' }), nothing)
})

test('who may not use a registry does not see its tasks', () => {
  const one = grant('{}', { authorization: 'Bearer one' })
  assert.deepEqual(
    ['closed.example', 'other.example', 'twin.example:443', 'open.example', 'gone.example'].map(
      (host) => one.allows(host),
    ),
    [true, false, true, false, false],
  )
  assert.equal(grant('{}', { local: true }).allows('gone.example'), true)
})
