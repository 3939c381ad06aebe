import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { auth, examined, HEADER, ROBOT, startHarbor, wrong } from '../testing/examined.ts'
import type { HarborInit } from '../testing/registry/init.ts'

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

  test('a project that is full, with a rule that fixes the tags of results', async (t) => {
    const immutableTags = [
      {
        disabled: false,
        tag_selectors: [{ kind: 'doublestar', decoration: 'matches', pattern: 'v*' }],
        scope_selectors: { repository: [{ decoration: 'repoMatches', pattern: 'app' }] },
      },
      { disabled: true, tag_selectors: [], scope_selectors: {} },
    ]
    const policies = { demo: [webhook({ auth_header: HEADER })] }
    await using registry = await startHarbor({
      ...permissions(...seen, 'project:read', 'immutable-tag:list'),
      policies,
      quota: { used: 100, hard: 100 },
      immutableTags,
    })
    const lines = wrong(await examined(t, registry, { source: auth }))
    assert.match(lines[0] ?? '', /^failure: the project demo uses 100 B of its 100 B: every push/)
    assert.match(
      lines[1] ?? '',
      /^warning: in the project demo a rule makes the tag v1-e immutable/,
    )
    assert.equal(lines.length, 2)
  })

  test('a Harbor whose own API refuses the account: what the registry says is said all the same', async (t) => {
    await using registry = await startHarbor({})
    // the first two tell that it is a Harbor, and how it is set up
    const refused = { status: 403, body: '{"errors":[{"code":"FORBIDDEN","message":"no"}]}' }
    registry.fault({ on: 'GET harbor api', then: refused, skip: 2, times: Infinity })
    const lines = await examined(t, registry, { source: auth })
    assert.equal(wrong(lines).length, 1)
    assert.match(wrong(lines)[0] ?? '', /^skipped: Harbor's own API does not say .*FORBIDDEN/)
    assert.ok(lines.some((line) => line.startsWith('ok: HOST/demo/app may be pushed to')))
  })
})
