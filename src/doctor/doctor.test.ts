/** What the doctor says of set-ups that are right, and of each thing that can be wrong with a registry. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import {
  auth,
  examined,
  image,
  ROBOT,
  SECRET,
  startHarbor,
  startPushed,
  wrong,
} from '../testing/examined.ts'
import { pushBuilt } from '../testing/image-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'

test('a registry in which all works; nothing is left behind', async (t) => {
  await using registry = await startPushed()
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
  await using registry = await startPushed()
  const lines = await examined(t, registry, { path: '' })
  assert.equal(lines.length, 3)
  assert.match(lines[2] ?? '', /^skipped: .* -> accelctl doctor .* HOST\/PROJECT\/REPOSITORY:TAG$/)
  assert.deepEqual(
    registry.requests().filter(({ kind }) => kind !== 'GET base' && kind !== 'GET harbor api'),
    [],
  )
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
    await using registry = await startPushed({
      auth: { kind: 'bearer', users, anonymousPull: true },
    })
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
    await using registry = await startPushed({ auth: { kind: 'basic', users } })
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
    await using registry = await startPushed({ tls: true })
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
    await using plain = await startPushed()
    const [noTls] = await examined(t, plain, { source: 'plain_http: false' })
    assert.match(
      noTls ?? '',
      /-> it speaks HTTP without TLS: set provider.source."HOST".plain_http: true$/,
    )
    await using secure = await startPushed({ tls: true })
    const [tls] = await examined(t, secure)
    assert.match(tls ?? '', /plain_http: false$/)
  })

  test('a clock that is wrong', async (t) => {
    await using registry = await startPushed()
    const headers = { date: 'Sun, 06 Nov 1994 08:49:37 GMT' }
    registry.fault({ on: 'GET base', then: { status: 200, headers, body: '{}' } })
    const lines = wrong(await examined(t, registry))
    assert.match(lines[0] ?? '', /^warning: its clock and that of this machine differ by \d+ d/)
  })

  test('a registry that does not answer in time costs the others nothing', async (t) => {
    await using registry = await startPushed()
    const stop = new AbortController()
    registry.fault({ on: 'GET base', then: 'stall', match: { where: () => (stop.abort(), true) } })
    const lines = await examined(t, registry, { signal: stop.signal })
    assert.deepEqual(lines, [
      'failure: it did not answer in time -> see whether it is overloaded, or allow more with --timeout',
    ])
  })
})

test('what was found before something broke off is said', async (t) => {
  await using registry = await startPushed()
  const stop = new AbortController()
  registry.fault({
    on: 'GET referrers',
    then: 'stall',
    match: { where: () => (stop.abort(), true) },
  })
  const lines = await examined(t, registry, { signal: stop.signal })
  assert.match(lines[0] ?? '', /^ok: it answers/)
  assert.match(lines.at(-1) ?? '', /^failure: it did not answer in time/)
})

suite('what a registry can do', () => {
  test('no parts of blobs', async (t) => {
    await using registry = await startPushed()
    registry.fault({ on: 'GET blob', then: 'ignore range', times: Infinity })
    const lines = wrong(await examined(t, registry))
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /^warning: a part of a layer cannot be read: it answers 200 .* expected 206/,
    )
  })

  test('no referrers API', async (t) => {
    await using registry = await startPushed({ referrers: false })
    const lines = await examined(t, registry)
    assert.deepEqual(wrong(lines), [])
    assert.ok(lines.some((line) => line.startsWith('ok: it has no referrers API: links')))
  })

  test('parts of blobs by way of its storage', async (t) => {
    await using registry = await startPushed({ redirectBlobs: true })
    assert.deepEqual(wrong(await examined(t, registry)), [])
  })

  test('an upload that is not taken back', async (t) => {
    await using registry = await startPushed()
    registry.fault({ on: 'DELETE upload', then: { status: 405 } })
    const lines = await examined(t, registry)
    assert.ok(
      lines.some((line) =>
        line.endsWith('an upload was begun and given up; the registry clears it away later'),
      ),
    )
  })

  test('a tag that is not there, and a repository that is not', async (t) => {
    await using registry = await startPushed()
    const of = async (path: string) => wrong(await examined(t, registry, { path }))
    assert.deepEqual(await of('/demo/app:v2'), [
      'failure: there is no v2 in HOST/demo/app -> name another tag, such as v1',
    ])
    assert.match((await of('/demo/new'))[0] ?? '', /^skipped: HOST\/demo\/new has no image yet/)
  })

  test('a tag that should be a cache and is an image', async (t) => {
    await using registry = await startPushed()
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
    await using registry = await startPushed()
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
    await using registry = await startPushed()
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
    await using registry = await startPushed()
    registry.fault({ on: 'PUT manifest', then: { status: 400 }, times: Infinity })
    const lines = wrong(await examined(t, registry, { write: true }))
    assert.match(lines.at(-1) ?? '', /^failure: /)
  })
})
