import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { digestOf } from '../../oci/digest.ts'
import { readTar } from '../../testing/read-tar.ts'
import { BootstrapLayerWriter } from './bootstrap-layer.ts'

test('the layer of a bootstrap: names, modes and times of the snapshotter, digests of both forms', () => {
  const pieces: Buffer[] = []
  const writer = new BootstrapLayerWriter((bytes) => void pieces.push(Buffer.from(bytes)))
  const boot = Buffer.alloc(300_000, 'boot')
  writer.file('image/image.boot', boot.length, [boot.subarray(0, 7), boot.subarray(7)])
  writer.file('image/ab.blob.meta', 3, [Buffer.from('abc')])
  const made = writer.finish()
  const gzip = Buffer.concat(pieces)
  const tar = gunzipSync(gzip)
  assert.deepEqual(made, {
    digest: digestOf(gzip),
    size: gzip.length,
    diffId: digestOf(tar),
    uncompressedSize: tar.length,
  })
  // No name, no time.
  assert.equal(gzip.subarray(0, 8).toString('hex'), '1f8b080000000000')
  const { entries } = readTar(tar)
  assert.deepEqual(
    entries.map(({ entry: { name, type, mode, uid, gid, mtime, size } }) => ({
      name,
      type,
      mode: mode.toString(8),
      rest: [uid, gid, mtime, size],
    })),
    [
      { name: 'image', type: 'directory', mode: '755', rest: [0, 0, 0, 0] },
      { name: 'image/image.boot', type: 'file', mode: '444', rest: [0, 0, 0, boot.length] },
      { name: 'image/ab.blob.meta', type: 'file', mode: '444', rest: [0, 0, 0, 3] },
    ],
  )
  assert.ok(entries[1]!.content.equals(boot))
})
