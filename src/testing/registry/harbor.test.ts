import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../oci/media-type.ts'
import { buildImage, buildIndex, buildLayer, pushBuilt } from '../image-builder.ts'
import { testTar } from '../tar-builder.ts'
import type { HarborInit } from './init.ts'
import { startTestRegistry, type TestRegistry } from './test-registry.ts'

// What is asserted here was seen on a running Harbor 2.10, what is about broken uploads on distribution 2.8, which is in it.

const robot = { authorization: `Basic ${Buffer.from('robot$acceld:s3cret').toString('base64')}` }
const digest = digestOf('x')

function start(harbor: HarborInit = {}): Promise<TestRegistry> {
  return startTestRegistry({
    harbor: { projects: ['demo', 'library'], publicProjects: ['library'], ...harbor },
    auth: { kind: 'bearer', users: { robot$acceld: 's3cret' } },
  })
}

test('the challenge depends on whether credentials came', async () => {
  await using registry = await start()
  const challenge = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${registry.url}${path}`, init)
    await response.arrayBuffer()
    return [response.status, response.headers.get('www-authenticate')]
  }
  const realm = `Bearer realm="${registry.url}/service/token",service="harbor-registry"`
  assert.deepEqual(await challenge('/v2/'), [401, realm])
  assert.deepEqual(await challenge(`/v2/library/a/blobs/${digest}`), [
    401,
    `${realm},scope="repository:library/a:pull"`,
  ])
  const wrong = { headers: { authorization: 'Bearer expired' } }
  assert.deepEqual(await challenge('/v2/', wrong), [401, 'Basic realm="harbor"'])
  assert.deepEqual(await challenge(`/v2/nope/a/blobs/${digest}`), [401, ''])
  assert.deepEqual(await challenge(`/v2/demo/a/blobs/${digest}`, { headers: robot }), [404, null])
})

test('the token service answers GET alone, in its own way', async () => {
  await using registry = await start()
  const url = `${registry.url}/service/token`
  const scope = 'scope=repository:demo/app:pull'
  assert.equal((await fetch(url, { method: 'POST' })).status, 405)
  assert.equal((await fetch(url)).status, 401)
  const answer = await fetch(`${url}?${scope}`, { headers: robot })
  const json = (await answer.json()) as { token: string; access_token: string; expires_in: number }
  assert.deepEqual([json.access_token, json.expires_in], ['', 1800])
  // Asked to pull one repository, it lets push to the whole project.
  const post = await fetch(`${registry.url}/v2/demo/other/blobs/uploads/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${json.token}` },
  })
  assert.equal(post.status, 202)
  const nobody = { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` }
  const empty = await fetch(`${url}?${scope}`, { headers: nobody })
  assert.equal(empty.status, 200)
  const { token } = (await empty.json()) as { token: string }
  const headers = { authorization: `Bearer ${token}` }
  const refused = await fetch(`${registry.url}/v2/demo/app/blobs/${digest}`, { headers })
  assert.equal(refused.headers.get('www-authenticate'), 'Basic realm="harbor"')
})

test('a cookie that comes back makes a write a browser’s', async () => {
  await using registry = await start()
  const first = await fetch(`${registry.url}/v2/`, { headers: robot })
  const cookie = first.headers.get('set-cookie')!.split(';')[0]!
  const url = `${registry.url}/v2/demo/app/blobs/uploads/`
  const post = await fetch(url, { method: 'POST', headers: { ...robot, cookie } })
  assert.equal(post.status, 403)
  const get = await fetch(`${registry.url}/v2/`, { headers: { ...robot, cookie } })
  assert.equal(get.status, 200)
})

test('an upload moves with absolute locations of the wrong scheme, and ignores what it does not know', async () => {
  await using registry = await start({ wrongScheme: true })
  const uploads = `${registry.url}/v2/demo/app/blobs/uploads/`
  const send = (url: string, method: string, headers = {}, body?: string) =>
    fetch(url, {
      method,
      headers: { ...robot, ...headers },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    })
  const post = await send(`${uploads}?digest=${digest}`, 'POST', {}, 'x')
  const location = post.headers.get('location')!
  assert.equal(post.status, 202)
  assert.ok(location.startsWith(`https://${registry.host}/`))
  const url = location.replace('https:', 'http:')
  const patch = await send(url, 'PATCH', { 'content-range': '7-7' }, 'x')
  assert.deepEqual([patch.status, patch.headers.get('range')], [202, '0-0'])
  assert.notEqual(patch.headers.get('location'), location)
  const mount = await send(`${uploads}?mount=${digest}&from=app`, 'POST')
  assert.equal(mount.status, 400)
})

test('an upload that broke in its middle cannot be gone on with', async () => {
  await using registry = await start()
  registry.fault({ on: 'PATCH upload', then: 'close', afterBytes: 100 })
  const post = await fetch(`${registry.url}/v2/demo/app/blobs/uploads/`, {
    method: 'POST',
    headers: robot,
  })
  const url = post.headers.get('location')!
  const patch = () => fetch(url, { method: 'PATCH', headers: robot, body: Buffer.alloc(200) })
  await assert.rejects(patch())
  assert.equal((await fetch(url, { headers: robot })).status, 404)
  assert.equal((await patch()).status, 404)
})

test('a manifest is hidden from who does not accept it', async () => {
  await using registry = await start()
  const image = buildImage({ layers: [] })
  await pushBuilt(buildIndex([image]), registry.repository('demo/app'), { tag: 'latest' })
  const url = `${registry.url}/v2/demo/app/manifests/latest`
  assert.equal((await fetch(url, { headers: robot })).status, 404)
  const headers = { ...robot, accept: `${OCI_MANIFEST}, ${OCI_INDEX}` }
  assert.equal((await fetch(url, { headers })).status, 200)
  const tag = await fetch(url, { method: 'DELETE', headers: robot })
  assert.equal(tag.status, 400)
})

test('referrers in the flavours of the versions, and their end with the subject', async () => {
  const image = buildImage({ layers: [] })
  const layer = buildLayer(testTar().bytes())
  const referrer = buildImage({ layers: [layer], subject: image.descriptor, artifactType: 'a/b' })
  for (const version of ['2.8', '2.10', '2.11'] as const) {
    await using registry = await start({ version })
    const target = registry.repository('demo/app')
    const list = async () => {
      const url = `${registry.url}/v2/demo/app/referrers/${image.descriptor.digest}`
      const response = await fetch(url, { headers: robot })
      const json = (await response.json()) as {
        manifests?: { size: number; artifactType: string }[]
      }
      return { type: response.headers.get('content-type'), manifests: json.manifests }
    }
    const type = version === '2.8' ? 'application/json' : OCI_INDEX
    const unknown = await list()
    assert.deepEqual(unknown, { type, manifests: version === '2.11' ? [] : undefined })
    await pushBuilt(image, target)
    await pushBuilt(referrer, target, { tag: 'linked' })
    const [entry] = (await list()).manifests!
    const late = version === '2.11'
    assert.equal(entry!.size, late ? referrer.bytes.length : layer.descriptor.size)
    assert.equal(entry!.artifactType === 'a/b', late)
    const url = `${registry.url}/v2/demo/app/manifests/${image.descriptor.digest}`
    assert.equal((await fetch(url, { method: 'DELETE', headers: robot })).status, 202)
    assert.deepEqual(registry.tags('demo/app'), [])
  }
})

test('a subject is told from 2.9 on, where it must be there', async () => {
  const image = buildImage({ layers: [] })
  const referrer = buildImage({ layers: [], subject: image.descriptor })
  const told: unknown[] = []
  for (const version of ['2.8', '2.9', '2.10'] as const) {
    await using registry = await start({ version })
    for (const blob of referrer.blobs) {
      await registry.repository('demo/app').pushBlob(blob.descriptor, blob.open)
    }
    const put = await fetch(`${registry.url}/v2/demo/app/manifests/linked`, {
      method: 'PUT',
      body: Buffer.from(referrer.bytes),
      headers: { ...robot, 'content-type': OCI_MANIFEST },
    })
    told.push([put.status, put.headers.get('oci-subject')])
  }
  assert.deepEqual(told, [
    [201, null],
    [500, null],
    [201, image.descriptor.digest],
  ])
})
