import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { isAccelError } from '../../errors/accel-error.ts'
import type { Credentials } from './credentials.ts'
import { createDockerCredentials, dockerConfigPath } from './docker-config.ts'

const encode = (text: string): string => Buffer.from(text).toString('base64')
const account = (name: string): object => ({ auth: encode(`${name}:pa:ss`) })
const login = (username: string): Credentials => ({ username, password: 'pa:ss' })

interface Folder extends AsyncDisposable {
  path: string
  /** The account that the configuration has for a host. */
  find(config: unknown, host: string, helperTimeoutMs?: number): Promise<Credentials | undefined>
  /** Writes `docker-credential-<name>`, a shell script, and lets it be found. */
  helper(name: string, script: string): Promise<void>
}

async function folder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'docker-config-'))
  const before = process.env['PATH']
  return {
    path,
    async find(config, host, helperTimeoutMs) {
      const file = join(path, 'config.json')
      await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config))
      const init = helperTimeoutMs === undefined ? {} : { helperTimeoutMs }
      return createDockerCredentials({ path: file, ...init })(host)()
    },
    async helper(name, script) {
      const file = join(path, `docker-credential-${name}`)
      await writeFile(file, `#!/bin/sh\n${script}\n`)
      await chmod(file, 0o755)
      process.env['PATH'] = [path, before].join(delimiter)
    },
    async [Symbol.asyncDispose]() {
      process.env['PATH'] = before
      await rm(path, { recursive: true })
    },
  }
}

/** Keys of `auths`, a host, and the account it gets. */
const keys: [Record<string, object>, string, string | undefined][] = [
  [{ 'h.test': account('a') }, 'h.test', 'a'],
  [{ 'h.test': account('a') }, 'H.test', 'a'],
  [{ 'h.test:8443': account('a') }, 'h.test:8443', 'a'],
  [{ 'h.test:8443': account('a') }, 'h.test', undefined],
  [{ 'h.test': account('a') }, 'h.test:443', 'a'],
  [{ 'h.test:443': account('a') }, 'h.test', 'a'],
  [{ 'https://h.test': account('a') }, 'h.test', 'a'],
  [{ 'https://h.test/v1/': account('a') }, 'h.test', 'a'],
  [{ 'http://h.test/some/path': account('a') }, 'h.test', 'a'],
  [{ 'h.test/v2/': account('a') }, 'h.test', 'a'],
  [{ 'h.test/team': account('a') }, 'h.test', undefined],
  [{ 'https://h.test/v1/': account('a'), 'h.test': account('b') }, 'h.test', 'b'],
  [{ 'https://index.docker.io/v1/': account('hub') }, 'docker.io', 'hub'],
  [{ 'https://index.docker.io/v1/': account('hub') }, 'registry-1.docker.io', 'hub'],
  [{ 'docker.io': account('hub') }, 'docker.io', 'hub'],
  [{ 'https://index.docker.io/v1/': account('hub') }, 'h.test', undefined],
  [{ 'evil.test/h.test': account('a') }, 'h.test', undefined],
  [{ 'h.test': { username: 'plain', password: 'pa:ss' } }, 'h.test', 'plain'],
  [{ 'h.test': {} }, 'h.test', undefined],
  [{}, 'h.test', undefined],
]

for (const [auths, host, want] of keys) {
  test(`${host} in ${JSON.stringify(Object.keys(auths))} is ${want}`, async () => {
    await using there = await folder()
    assert.deepEqual(
      await there.find({ auths }, host),
      want === undefined ? undefined : login(want),
    )
  })
}

test('an identity token goes before the password', async () => {
  await using there = await folder()
  const entry = { auth: encode('00000000-0000-0000-0000-000000000000:'), identitytoken: 'refresh' }
  assert.deepEqual(await there.find({ auths: { 'h.test': entry } }, 'h.test'), {
    identityToken: 'refresh',
    username: '00000000-0000-0000-0000-000000000000',
  })
})

test('no file and no entries are anonymous', async () => {
  await using there = await folder()
  const none = createDockerCredentials({ path: join(there.path, 'none', 'config.json') })
  assert.equal(await none('h.test')(), undefined)
  for (const config of [{}, { auths: null }, { auths: [] }, { auths: { 'h.test': null } }]) {
    assert.equal(await there.find(config, 'h.test'), undefined)
  }
})

test('a broken file is an error that does not quote it', async () => {
  await using there = await folder()
  for (const config of [
    '{"auths": {"h.test": {"auth": "c2VjcmV0',
    '["secret"]',
    '"secret"',
    { auths: { 'h.test': { auth: 'sécret!' } } },
  ]) {
    await assert.rejects(there.find(config, 'h.test'), (error) => {
      assert.ok(isAccelError(error, 'REGISTRY_CREDENTIALS'))
      assert.match(error.message, /^credentials for h\.test cannot be read from .*config\.json: /)
      assert.doesNotMatch(inspect(error, { depth: 9 }), /s[eé]cret|c2Vj/)
      return true
    })
  }
})

test('the path comes from DOCKER_CONFIG, else HOME', () => {
  assert.equal(
    dockerConfigPath({ DOCKER_CONFIG: '/etc/docker-login', HOME: '/root' }),
    '/etc/docker-login/config.json',
  )
  assert.equal(dockerConfigPath({ DOCKER_CONFIG: '', HOME: '/root' }), '/root/.docker/config.json')
  assert.equal(dockerConfigPath({}), undefined)
})

test('a credential helper is asked with the host on its input', async () => {
  await using there = await folder()
  await there.helper(
    'keychain',
    `cat > "${there.path}/asked"; echo '{"ServerURL":"x","Username":"u","Secret":"pa:ss"}'`,
  )
  const config = {
    credHelpers: { 'h.test:8443': 'keychain' },
    auths: { 'h.test:8443': account('file') },
  }
  assert.deepEqual(await there.find(config, 'h.test:8443'), login('u'))
  assert.equal(await readFile(join(there.path, 'asked'), 'utf8'), 'h.test:8443')
  assert.deepEqual(await there.find({ credsStore: 'keychain' }, 'docker.io'), login('u'))
  assert.equal(await readFile(join(there.path, 'asked'), 'utf8'), 'https://index.docker.io/v1/')
})

test('a helper for one host goes before the common one', async () => {
  await using there = await folder()
  await there.helper('one', `echo '{"Username":"one","Secret":"pa:ss"}'`)
  await there.helper('all', `echo '{"Username":"all","Secret":"pa:ss"}'`)
  const config = { credHelpers: { 'h.test': 'one' }, credsStore: 'all' }
  assert.deepEqual(await there.find(config, 'h.test'), login('one'))
  assert.deepEqual(await there.find(config, 'other.test'), login('all'))
})

test('a helper may hand out an identity token', async () => {
  await using there = await folder()
  await there.helper('keychain', `echo '{"Username":"<token>","Secret":"refresh"}'`)
  assert.deepEqual(await there.find({ credsStore: 'keychain' }, 'h.test'), {
    identityToken: 'refresh',
  })
})

test('a helper without an entry leaves it to the file', async () => {
  await using there = await folder()
  await there.helper('keychain', 'echo credentials not found in native keychain; exit 1')
  const config = { credsStore: 'keychain', auths: { 'h.test': account('file') } }
  assert.deepEqual(await there.find(config, 'h.test'), login('file'))
  assert.equal(await there.find(config, 'other.test'), undefined)
})

for (const [name, script, problem] of [
  ['fails', 'echo s3cr3t; exit 3', /it ended with status 3/],
  ['prints no JSON', 'echo s3cr3t', /is not JSON/],
  ['names nobody', `echo '{"Secret":"s3cr3t"}'`, /named no user and secret/],
  ['prints null', 'echo null', /named no user and secret/],
  ['does not end', 'echo s3cr3t; sleep 60', /no answer within 200 ms/],
  ['prints for ever', 'yes s3cr3t', /printed too much/],
] as const) {
  test(`a helper that ${name} is REGISTRY_CREDENTIALS, and not quoted`, async () => {
    await using there = await folder()
    await there.helper('keychain', script)
    const timeoutMs = name === 'does not end' ? 200 : undefined
    await assert.rejects(there.find({ credsStore: 'keychain' }, 'h.test', timeoutMs), (error) => {
      assert.ok(isAccelError(error, 'REGISTRY_CREDENTIALS'))
      assert.match(error.message, problem)
      assert.doesNotMatch(inspect(error, { depth: 9 }), /s3cr3t/)
      return true
    })
  })
}

test('a helper that is not there, or is no name, is told', async () => {
  await using there = await folder()
  await assert.rejects(there.find({ credsStore: 'no-such-helper' }, 'h.test'), {
    code: 'REGISTRY_CREDENTIALS',
    message: /from docker-credential-no-such-helper: there is no such program/,
  })
  for (const credsStore of ['../../bin/sh', 'a b', '-x']) {
    await assert.rejects(there.find({ credsStore }, 'h.test'), {
      message: /not the name of a helper/,
    })
  }
})
