import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OCI_INDEX } from '../../oci/media-type.ts'
import { buildImage, buildIndex, buildLayer, pushBuilt } from '../image-builder.ts'
import { needsSkopeo, skopeo } from '../skopeo.ts'
import { testTar } from '../tar-builder.ts'
import { startTestRegistry } from './test-registry.ts'

const layers = [
  buildLayer(testTar().directory('etc/').file('etc/a', 'a'.repeat(100_000)).bytes()),
  buildLayer(testTar().file('b', 'b').bytes(), { compression: 'zstd' }),
]
const amd64 = buildImage({ layers })
const arm64 = buildImage({ layers, platform: { os: 'linux', architecture: 'arm64' } })
const index = buildIndex([amd64, arm64])

test('skopeo copies an index from one registry to another', needsSkopeo(), async () => {
  await using from = await startTestRegistry({ redirectBlobs: true })
  await using to = await startTestRegistry()
  await pushBuilt(index, from.repository('demo/app'), { tag: 'v1' })
  const flags = ['--all', '--src-tls-verify=false', '--dest-tls-verify=false']
  const [source, target] = [`${from.host}/demo/app:v1`, `${to.host}/demo/copy:v2`]
  await skopeo('copy', ...flags, `docker://${source}`, `docker://${target}`)
  assert.equal(to.manifest('demo/copy', 'v2')?.digest, index.descriptor.digest)
  assert.ok(from.requests('GET redirected blob').length > 0)
  assert.ok(to.requests('PUT upload').length > 0)

  const inspected = await skopeo('inspect', '--tls-verify=false', '--raw', `docker://${target}`)
  assert.equal((JSON.parse(inspected) as { mediaType: string }).mediaType, OCI_INDEX)
  const tags = await skopeo('list-tags', '--tls-verify=false', `docker://${to.host}/demo/copy`)
  assert.deepEqual((JSON.parse(tags) as { Tags: string[] }).Tags, ['v2'])
  await skopeo('delete', '--tls-verify=false', `docker://${target}`)
  assert.deepEqual(to.tags('demo/copy'), [])
})

for (const kind of ['basic', 'bearer'] as const) {
  test(`skopeo logs in with ${kind}, and is refused`, needsSkopeo(), async () => {
    await using registry = await startTestRegistry({ auth: { kind, users: { alice: 'secret' } } })
    await pushBuilt(amd64, registry.repository('demo/app'), { tag: 'v1' })
    const image = `docker://${registry.host}/demo/app:v1`
    const copied = `docker://${registry.host}/other/app:v1`
    const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
    const copy = (login: string) =>
      skopeo('copy', ...insecure, '--src-creds', login, '--dest-creds', login, image, copied)
    await copy('alice:secret')
    assert.equal(registry.manifest('other/app', 'v1')?.digest, amd64.descriptor.digest)
    await assert.rejects(copy('alice:wrong'), /unauthorized|authentication required/i)
  })
}

test('skopeo pushes to a Harbor-like registry', needsSkopeo(), async () => {
  await using registry = await startTestRegistry({
    harbor: { projects: ['demo'] },
    auth: { kind: 'bearer', users: { robot$acceld: 's' } },
  })
  await pushBuilt(index, registry.repository('demo/app'), { tag: 'v1' })
  const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
  const login = ['--src-creds', 'robot$acceld:s', '--dest-creds', 'robot$acceld:s']
  const [image, copied] = ['app', 'copy'].map((name) => `docker://${registry.host}/demo/${name}:v1`)
  await skopeo('copy', '--all', ...insecure, ...login, image!, copied!)
  assert.equal(registry.manifest('demo/copy', 'v1')?.digest, index.descriptor.digest)
})
