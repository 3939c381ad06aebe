/** What the doctor says of set-ups that are right, and of each thing that can be wrong with a registry. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import type { HarborInit, TestRegistryInit } from '../testing/registry/init.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import type { Check } from './check.ts'
import { areasOf, examine } from './doctor.ts'
import { readTarget } from './target.ts'

const ROBOT = 'robot$demo+acceld'
const SECRET = 'S3cret-of-the-robot'
const HEADER = 'Bearer s3cret-of-the-webhook'

const image = buildImage({ layers: [buildLayer(testTar().file('f', 'content').bytes())] })

interface ExamineInit {
  /** What of the registry is tested, behind its host. */
  path?: string
  /** Keys of the registry's section, in YAML. */
  source?: string
  /** Keys of `converter` and further sections. */
  rules?: string
  more?: string
  write?: boolean
  signal?: AbortSignal
}

/** What is said of the registry: `state: found -> fix`, with HOST for its name. */
async function examined(
  t: TestContext,
  registry: TestRegistry,
  init: ExamineInit = {},
): Promise<string[]> {
  const { path = '/demo/app:v1', source = '', rules = '{ tag_suffix: -e }', more = '' } = init
  const workDir = await temporaryDirectory(t)
  const yaml = `provider: { source: { "${registry.host}": { ${source} } }, work_dir: ${workDir} }
converter: { driver: { type: nydus }, rules: [${rules}] }
${more}`
  const { config } = parseConfig(yaml, 'config.yaml')
  const doctor = {
    file: undefined,
    config,
    target: readTarget(`${registry.host}${path}`, config),
    write: init.write ?? false,
    service: { address: undefined, authorization: undefined, ca: undefined },
    environment: {},
    registry: { environment: {} },
    signal: init.signal ?? t.signal,
  }
  const checks: Check[] = []
  for await (const found of examine(doctor, {})) checks.push(...found)
  assert.deepEqual([...new Set(checks.map(({ area }) => area))], areasOf(doctor))
  const said = checks.filter(({ area }) => area === registry.host)
  const lines = said.map(({ state, found, fix }) => `${state}: ${found}${fix ? ` -> ${fix}` : ''}`)
  const all = JSON.stringify(checks)
  for (const secret of [SECRET, HEADER, Buffer.from(`${ROBOT}:${SECRET}`).toString('base64')]) {
    assert.ok(!all.includes(secret), 'a secret is shown')
  }
  return lines.map((line) =>
    line.replaceAll(registry.host, 'HOST').replaceAll(/in (\d[\d.]* m?s)/g, 'in TIME'),
  )
}

const auth = `auth: ${Buffer.from(`${ROBOT}:${SECRET}`).toString('base64')}, webhook: { auth_header: ${HEADER} }`

async function start(init: TestRegistryInit = {}): Promise<TestRegistry> {
  const registry = await startTestRegistry(init)
  await pushBuilt(image, registry.repository('demo/app'), { tag: 'v1' })
  registry.clearRequests()
  return registry
}

/** A Harbor with the robot, which may do what is given. */
function startHarbor(
  init: HarborInit = {},
  account: { push?: string[]; secret?: string } = {},
): Promise<TestRegistry> {
  const { secret = SECRET, push = ['demo/'] } = account
  return start({
    harbor: { projects: ['demo', 'other', 'proxy'], proxyProjects: ['proxy'], ...init },
    auth: { kind: 'bearer', users: { [ROBOT]: { secret, pull: ['demo/'], push } } },
  })
}

/** The lines that are not as they should be. */
const wrong = (lines: string[]): string[] => lines.filter((line) => !line.startsWith('ok'))

test('a registry in which all works; nothing is left behind', async (t) => {
  await using registry = await start()
  assert.deepEqual(await examined(t, registry, { rules: '{ tag_suffix: -e, cache_tag: cache }' }), [
    'ok: it answers over HTTP without TLS, in TIME, on this machine',
    'ok: it asks nobody who they are',
    'ok: v1 of HOST/demo/app may be pulled, and its tags listed: 1',
    'ok: HOST/demo/app may be pushed to: an upload was begun and taken back',
    'ok: a part of a layer can be read: Range is answered with 206',
    'ok: it has the referrers API: a result can be found from its source',
    'ok: the remote cache HOST/demo/app:cache is made by the first conversion',
  ])
  assert.equal(registry.openUploads(), 0)
  assert.deepEqual(registry.tags('demo/app'), ['v1'])
})

test('of a registry alone nothing is tested but whether it answers', async (t) => {
  await using registry = await start()
  const lines = await examined(t, registry, { path: '' })
  assert.equal(lines.length, 3)
  assert.match(lines[2] ?? '', /^skipped: .* -> accelctl doctor .* HOST\/PROJECT\/REPOSITORY:TAG$/)
  assert.deepEqual(
    registry.requests().filter(({ kind }) => kind !== 'GET base' && kind !== 'GET harbor api'),
    [],
  )
})

suite('Harbor', () => {
  const permissions = (...some: string[]): HarborInit => ({ permissions: { [ROBOT]: some } })
  const webhook = (target: object, more: object = {}): object => ({
    name: 'acceld',
    enabled: true,
    event_types: ['PUSH_ARTIFACT'],
    targets: [{ type: 'http', address: 'https://acceld/api/v1/conversions', ...target }],
    ...more,
  })
  const seen = ['repository:pull', 'repository:push', 'notification-policy:list']

  test('a robot that may do all, and a webhook with the right header', async (t) => {
    const policies = { demo: [webhook({ auth_header: HEADER })] }
    await using registry = await startHarbor({ ...permissions(...seen), policies })
    const lines = await examined(t, registry, { source: auth })
    assert.deepEqual(wrong(lines), [])
    assert.ok(
      lines.includes(`ok: the account ${ROBOT} logs in by its token service`),
      lines.join('\n'),
    )
    assert.ok(lines.includes('ok: it is a Harbor, v2.11.0-test'))
    assert.ok(
      lines.includes(
        `ok: in the project demo ${ROBOT} may pull and push; tags are made by the push`,
      ),
    )
  })

  test('a robot that may not push: the box to tick is named, and what the token service granted', async (t) => {
    await using registry = await startHarbor(permissions('repository:pull'), { push: [] })
    const lines = wrong(await examined(t, registry, { source: auth }))
    const edit = `in Harbor: Projects > demo > Robot Accounts > ${ROBOT} > Action > Edit, tick`
    assert.equal(
      lines[0],
      `failure: in the project demo ${ROBOT} lacks repository:push -> ${edit} Push in the row "Repository"`,
    )
    assert.match(
      lines[1] ?? '',
      /^skipped: whether demo has a webhook .*List in the row "Notification Policy"$/,
    )
    assert.equal(lines.length, 2)
    assert.equal(registry.openUploads(), 0)
  })

  test('a Harbor that does not tell permissions: the refusals of the registry do', async (t) => {
    await using registry = await startHarbor({}, { push: [] })
    const lines = wrong(await examined(t, registry, { source: auth }))
    assert.equal(lines.length, 2)
    assert.match(lines[0] ?? '', /^skipped: whether demo has a webhook/)
    assert.match(
      lines[1] ?? '',
      /^failure: HOST\/demo\/app may not be pushed to: .* granted pull -> .* tick Pull and Push in the row "Repository"$/,
    )
  })

  test('a search that could list nothing', async (t) => {
    const policies = { demo: [webhook({ auth_header: HEADER })] }
    await using registry = await startHarbor({ ...permissions(...seen), policies })
    const more = 'reconcile: { schedule: 6h }'
    const lines = wrong(await examined(t, registry, { source: auth, more }))
    assert.deepEqual(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /^warning: .* lacks repository:list and artifact:list: .* -> .*List in the row "Repository" and List in the row "Artifact"$/,
    )
  })

  test('a project as a whole: its first repository is tested', async (t) => {
    await using registry = await startHarbor(permissions(...seen))
    const lines = await examined(t, registry, { source: auth, path: '/demo' })
    assert.ok(lines.some((line) => line.startsWith('ok: v1 of HOST/demo/app may be pulled')))
  })

  test('another project than that of the robot, one that is not there, one that is a cache', async (t) => {
    await using registry = await startHarbor(permissions())
    const of = async (path: string) => wrong(await examined(t, registry, { source: auth, path }))
    assert.match(
      (await of('/other/app:v1'))[0] ?? '',
      /is a robot of the project demo and of no other/,
    )
    assert.match(
      (await of('/nowhere/app:v1'))[0] ?? '',
      /^failure: there is no project nowhere, or/,
    )
    assert.match((await of('/proxy/app:v1'))[0] ?? '', /^failure: proxy caches another registry/)
  })

  test('read-only, and without webhooks', async (t) => {
    await using registry = await startHarbor({ readOnly: true, notifies: false })
    const lines = wrong(await examined(t, registry, { source: auth, path: '' }))
    assert.match(lines[0] ?? '', /^failure: it is in read-only mode/)
    assert.match(lines[1] ?? '', /^warning: it sends no webhooks at all/)
  })

  const hooks: [string, object[], RegExp][] = [
    [
      'none',
      [],
      /^warning: the project demo has no webhook .* -> in Harbor: Projects > demo > Webhooks/,
    ],
    [
      'one of somebody else',
      [webhook({ address: 'https://ci/hook' })],
      /has no webhook that leads/,
    ],
    [
      'switched off',
      [webhook({ auth_header: HEADER }, { enabled: false })],
      /^failure: .*switched off/,
    ],
    [
      'of another event',
      [webhook({ auth_header: HEADER }, { event_types: ['PULL_ARTIFACT'] })],
      /^failure: the webhook acceld .* does not tell of pushes/,
    ],
    ['without a header', [webhook({})], /^failure: .* sends no Authorization, expected/],
    [
      'with another header',
      [webhook({ auth_header: 'x' })],
      /^failure: .* sends another Authorization/,
    ],
    [
      'that waits',
      [
        webhook({
          address: 'https://user:s3cret@acceld/api/v1/conversions?sync=true',
          auth_header: HEADER,
        }),
      ],
      /^warning: .*to https:\/\/acceld\/api\/v1\/conversions asks to be answered after/,
    ],
  ]
  for (const [name, policies, expected] of hooks) {
    test(`a webhook: ${name}`, async (t) => {
      await using registry = await startHarbor({
        ...permissions(...seen),
        policies: { demo: policies },
      })
      const lines = wrong(await examined(t, registry, { source: auth }))
      assert.equal(lines.length, 1, lines.join('\n'))
      assert.match(lines[0] ?? '', expected)
    })
  }

  test('a webhook whose last event did not arrive', async (t) => {
    const deliveries = { 7: 'Error', 8: 'Success' } as const
    const policies = { demo: [7, 8, 9].map((id) => webhook({ auth_header: HEADER }, { id })) }
    await using registry = await startHarbor({ ...permissions(...seen), policies, deliveries })
    const lines = wrong(await examined(t, registry, { source: auth }))
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /^warning: .* could not deliver its last event to https:\/\/acceld/,
    )
  })

  test('the api_token of the service will do as a header', async (t) => {
    const policies = { demo: [webhook({ auth_header: 'Bearer t0k3n' })] }
    await using registry = await startHarbor({ ...permissions(...seen), policies })
    const more = 'server: { api_token: t0k3n }'
    assert.deepEqual(wrong(await examined(t, registry, { source: auth, more })), [])
  })
})

suite('login and transport', () => {
  test('a wrong password', async (t) => {
    await using registry = await startHarbor({}, { secret: 'another' })
    const lines = await examined(t, registry, { source: auth })
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /^failure: .* does not let us in: .* -> correct provider.source."HOST".auth/,
    )
  })

  test('no account where one is wanted', async (t) => {
    const users = { [ROBOT]: SECRET }
    await using registry = await start({ auth: { kind: 'bearer', users, anonymousPull: true } })
    const [, login, pull, push] = await examined(t, registry)
    assert.match(login ?? '', /^warning: it wants an account and none is configured/)
    assert.match(pull ?? '', /^ok: v1 of/)
    assert.match(
      push ?? '',
      /^failure: HOST\/demo\/app may not be pushed to: .* -> let an account, and configure it as auth/,
    )
  })

  test('an account of a registry with user and password that may not push', async (t) => {
    const users = { [ROBOT]: { secret: SECRET, pull: ['demo/'], push: [] } }
    await using registry = await start({ auth: { kind: 'basic', users } })
    const lines = wrong(await examined(t, registry, { source: auth }))
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      new RegExp(
        `-> let ${ROBOT.replace('$', '\\$').replace('+', '\\+')} pull from and push to demo/app$`,
      ),
    )
  })

  test('a certificate that is not trusted, and one whose authority is named', async (t) => {
    await using registry = await start({ tls: true })
    const [bad] = await examined(t, registry, { source: 'plain_http: false' })
    assert.match(
      bad ?? '',
      /^failure: .* -> write the certificate of its authority, PEM, .* provider.source."HOST".ca_file$/,
    )
    const file = join(await temporaryDirectory(t), 'ca.pem')
    await writeFile(file, registry.ca ?? '')
    const good = await examined(t, registry, { source: `ca_file: ${file}` })
    assert.match(good[0] ?? '', /^ok: it answers over HTTPS, in TIME; its certificate is trusted/)
    const blind = await examined(t, registry, { source: 'plain_http: false, insecure: true' })
    assert.match(
      blind[0] ?? '',
      /^warning: it answers over HTTPS, .* nobody checks its certificate -> /,
    )
  })

  test('TLS where there is none, and none where there is', async (t) => {
    await using plain = await start()
    const [noTls] = await examined(t, plain, { source: 'plain_http: false' })
    assert.match(
      noTls ?? '',
      /-> it speaks HTTP without TLS: set provider.source."HOST".plain_http: true$/,
    )
    await using secure = await start({ tls: true })
    const [tls] = await examined(t, secure)
    assert.match(tls ?? '', /plain_http: false$/)
  })

  test('a clock that is wrong', async (t) => {
    await using registry = await start()
    const headers = { date: 'Sun, 06 Nov 1994 08:49:37 GMT' }
    registry.fault({ on: 'GET base', then: { status: 200, headers, body: '{}' } })
    const lines = wrong(await examined(t, registry))
    assert.match(lines[0] ?? '', /^warning: its clock and that of this machine differ by \d+ d/)
  })

  test('a registry that does not answer in time costs the others nothing', async (t) => {
    await using registry = await start()
    const stop = new AbortController()
    registry.fault({ on: 'GET base', then: 'stall', match: { where: () => (stop.abort(), true) } })
    const lines = await examined(t, registry, { signal: stop.signal })
    assert.deepEqual(lines, [
      'failure: it did not answer in time -> see whether it is overloaded, or allow more with --timeout',
    ])
  })
})

suite('what a registry can do', () => {
  test('no parts of blobs', async (t) => {
    await using registry = await start()
    registry.fault({ on: 'GET blob', then: 'ignore range', times: Infinity })
    const lines = wrong(await examined(t, registry))
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /^warning: a part of a layer cannot be read: it answers 200 .* expected 206/,
    )
  })

  test('no referrers API', async (t) => {
    await using registry = await start({ referrers: false })
    const lines = await examined(t, registry)
    assert.deepEqual(wrong(lines), [])
    assert.ok(lines.some((line) => line.startsWith('ok: it has no referrers API: links')))
  })

  test('parts of blobs by way of its storage', async (t) => {
    await using registry = await start({ redirectBlobs: true })
    assert.deepEqual(wrong(await examined(t, registry)), [])
  })

  test('an upload that is not taken back', async (t) => {
    await using registry = await start()
    registry.fault({ on: 'DELETE upload', then: { status: 405 } })
    const lines = await examined(t, registry)
    assert.ok(
      lines.some((line) =>
        line.endsWith('an upload was begun and given up; the registry clears it away later'),
      ),
    )
  })

  test('a tag that is not there, and a repository that is not', async (t) => {
    await using registry = await start()
    const of = async (path: string) => wrong(await examined(t, registry, { path }))
    assert.deepEqual(await of('/demo/app:v2'), [
      'failure: there is no v2 in HOST/demo/app -> name another tag, such as v1',
    ])
    assert.match((await of('/demo/new'))[0] ?? '', /^skipped: HOST\/demo\/new has no image yet/)
  })

  test('a tag that should be a cache and is an image', async (t) => {
    await using registry = await start()
    await pushBuilt(image, registry.repository('demo/app'), { tag: 'cache' })
    const lines = wrong(
      await examined(t, registry, { rules: '{ tag_suffix: -e, cache_tag: cache }' }),
    )
    assert.match(
      lines[0] ?? '',
      /^warning: HOST\/demo\/app:cache is no cache of layers: .* -> choose another cache_tag/,
    )
  })
})

suite('with --write', () => {
  test('an artifact with the media types of the drivers is pushed, found by its subject and removed', async (t) => {
    await using registry = await start()
    const lines = await examined(t, registry, { write: true })
    assert.deepEqual(wrong(lines), [])
    assert.deepEqual(lines.slice(-3), [
      'ok: it takes manifests with application/vnd.oci.image.layer.v1.tar+gzip, application/vnd.oci.image.layer.nydus.blob.v1',
      'ok: it takes subject, and lists what was linked by it',
      'ok: the artifact of this test was removed again',
    ])
    assert.deepEqual(registry.tags('demo/app'), ['v1'])
    const pushed = registry.requests({ kind: 'PUT manifest' })[0]?.reference ?? ''
    assert.equal(registry.manifest('demo/app', pushed), undefined)
  })

  test('what may not be removed is said', async (t) => {
    await using registry = await startHarbor({
      permissions: { [ROBOT]: ['repository:pull', 'repository:push'] },
    })
    registry.fault({ on: 'DELETE manifest', then: { status: 403 } })
    const lines = wrong(await examined(t, registry, { source: auth, write: true }))
    assert.match(
      lines.at(-1) ?? '',
      /^warning: the artifact of this test could not be removed: .* tick Delete in the row "Artifact"$/,
    )
  })

  test('a registry that refuses subject', async (t) => {
    await using registry = await start()
    const body = '{"errors":[{"code":"MANIFEST_INVALID","message":"unknown field subject"}]}'
    registry.fault({ on: 'PUT manifest', then: { status: 400, body } })
    const lines = wrong(await examined(t, registry, { write: true }))
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /refuses them with subject: .*unknown field subject.* -> set with_referrer: false/,
    )
  })

  test('a registry that takes neither', async (t) => {
    await using registry = await start()
    registry.fault({ on: 'PUT manifest', then: { status: 400 }, times: Infinity })
    const lines = wrong(await examined(t, registry, { write: true }))
    assert.match(lines.at(-1) ?? '', /^failure: /)
  })
})
