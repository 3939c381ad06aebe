/** The image that is converted and damaged: small, and with something of everything that can be wrong. */
import { hash } from 'node:crypto'
import { testTar, type TarBuilder } from '../tar-builder.ts'

/** cap_net_raw=ep. Source: linux capability.h, vfs_cap_data */
const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex')

/** Bytes that do not compress, the same at every run. */
function noise(size: number, seed: string): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, i) =>
    hash('sha256', `${seed} ${i}`, 'buffer'),
  )
  return Buffer.concat(blocks).subarray(0, size)
}

function lower(): TarBuilder {
  return testTar()
    .directory('bin/', { mtime: 11 })
    .file('bin/suid', noise(3000, 'suid'), { mode: 0o4755, uid: 5, gid: 6, mtime: 77 })
    .hardlink('bin/link', 'bin/suid')
    .symlink('bin/sym', 'suid', { mtime: 78 })
    .directory('dev/')
    .character('dev/null', 1, 3, { mode: 0o666 })
    .fifo('dev/fifo')
    .directory('etc/', { mode: 0o750, uid: 3 })
    .file('etc/empty')
    .file('etc/gone', 'gone in the layer above')
    .file('etc/hosts', '127.0.0.1 localhost\n'.repeat(40), { mtime: 1_700_000_000 })
    .directory('usr/')
    .file('usr/big', Buffer.concat([noise(9000, 'big'), Buffer.alloc(9000, 'text ')]))
    .file('usr/ping', 'ping\n'.repeat(300), {
      mode: 0o755,
      xattrs: { 'security.capability': CAPABILITY },
    })
    .file('usr/xattr', 'hello\n'.repeat(100), { xattrs: { 'user.note': 'a note' } })
    .file('usr/zeros', Buffer.alloc(20_000))
}

function upper(): TarBuilder {
  return testTar()
    .directory('etc/', { mode: 0o750, uid: 3 })
    .whiteout('etc/gone')
    .file('etc/motd', 'welcome\n'.repeat(200))
    .directory('opt/')
    .file('opt/data', noise(7000, 'data'))
    .file('opt/same', noise(7000, 'same'))
}

/** The layers, the lowest first. */
export const damagedLayers: readonly (() => TarBuilder)[] = [lower, upper]

/** Layers of which the lower is so large that its gzip is inflated from several places. */
export const largeDamagedLayers: readonly (() => TarBuilder)[] = [
  () => lower().file('usr/large', text(3 * 1024 * 1024)),
  upper,
]

/** Text that compresses to a half. */
function text(size: number): Uint8Array {
  return Buffer.from(Buffer.from(noise(size / 2, 'text')).toString('hex'))
}
