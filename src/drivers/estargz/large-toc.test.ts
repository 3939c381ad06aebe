import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inflateRawSync } from 'node:zlib'
import { openDriverBench } from '../../testing/driver-suite.ts'
import { buildLayer } from '../../testing/image-builder.ts'
import { testTar } from '../../testing/tar-builder.ts'
import { decodeFooter, FOOTER_TAIL } from '../../formats/estargz/footer.ts'
import { estargz } from './index.ts'

// The stargz snapshotter reads the first member and no other: estargz gzip.go, `zr.Multistream(false)`.
test('a TOC is one gzip member, however large', async () => {
  const tar = testTar()
  for (let i = 0; i < 3000; i++) tar.file(`${'n'.repeat(200)}${i}`, 'data\n')
  await using bench = openDriverBench()
  const driver = estargz.configure({ chunk_size: '65536' })
  const { blob } = await bench.convert(driver, buildLayer(tar.bytes()))

  const footer = decodeFooter(blob.subarray(-FOOTER_TAIL))
  assert.ok(footer?.toc === 'inside', 'no footer')
  const stored = blob.subarray(footer.tocOffset, blob.length - footer.size)
  // header of ten bytes, deflate, CRC-32 and size: RFC 1952
  const { buffer, engine } = inflateRawSync(stored.subarray(10), { info: true }) as unknown as {
    buffer: Buffer
    engine: { bytesWritten: number }
  }
  assert.ok(buffer.length > 1024 * 1024, `a TOC of ${buffer.length} bytes is not large`)
  assert.equal(10 + engine.bytesWritten + 8, stored.length)
})
