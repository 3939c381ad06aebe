import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { startTestService } from '../../testing/service/http-service.ts'
import { PAGE_PATHS, PageFiles } from './page-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'page-'))
after(() => rmSync(folder, { recursive: true }))
for (const name of ['index.html', 'dashboard.js', 'dashboard.css', 'dashboard.svg']) {
  writeFileSync(join(folder, name), `<!-- ${name} -->`.repeat(50))
}

const yaml = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
provider: { source: { hub.test: {} } }
converter: { driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

test('the page is served to anybody, and may load nothing but its own files', async () => {
  await using service = await startTestService({ yaml, dashboard: folder })
  const types = await Promise.all(PAGE_PATHS.map(async (path) => service.send({ path })))
  assert.deepEqual(
    types.map(({ status, type }) => `${status} ${type}`),
    [
      '200 text/html; charset=utf-8',
      '200 text/javascript; charset=utf-8',
      '200 text/css; charset=utf-8',
      '200 image/svg+xml',
    ],
  )
  for (const { headers } of types) {
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'/)
    assert.doesNotMatch(policy, /unsafe|http|\*/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
  }
  const index = await service.send({ path: '/index.html' })
  assert.equal(index.status, 404)
})

test('a file is sent again when it has changed, and compressed to who takes that', async () => {
  const files = new PageFiles(folder)
  const plain = files.answer('/', { ifNoneMatch: undefined, acceptEncoding: 'gzip;q=0, br' })
  const text = await plain.text()
  assert.equal(plain.headers.get('content-encoding'), null)
  const zipped = files.answer('/', { ifNoneMatch: undefined, acceptEncoding: 'br, gzip;q=0.5' })
  assert.equal(zipped.headers.get('content-encoding'), 'gzip')
  const bytes = new Uint8Array(await zipped.arrayBuffer())
  assert.equal(Number(zipped.headers.get('content-length')), bytes.length)
  assert.equal(gunzipSync(bytes).toString(), text)
  const tag = zipped.headers.get('etag') ?? ''
  const again = files.answer('/', { ifNoneMatch: `"other", ${tag}`, acceptEncoding: 'gzip' })
  assert.deepEqual([again.status, await again.text(), again.headers.get('etag')], [304, '', tag])
  const other = files.answer('/dashboard.js', { ifNoneMatch: tag, acceptEncoding: 'gzip' })
  assert.equal(other.status, 200)
})

test('a checkout without the bundle says how it is made', async () => {
  await using service = await startTestService({ yaml, dashboard: join(folder, 'nowhere') })
  const { status, body } = await service.send({ path: '/' })
  assert.equal(status, 404)
  assert.match(body, /HTTP_DASHBOARD_MISSING/)
  assert.ok(!body.includes(folder))
})
