import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { readTar } from '../../testing/read-tar.ts'
import type { ReadEntry } from '../../testing/read-tar.ts'
import { openDecoder } from '../layer-decoder.ts'

/**
 * The images that the laboratory writes by hand: layers with everything a tar may legally hold (`edge`), and with
 * what it had better not (`rough`). Python's tarfile is the judge.
 */
const shared = process.env['ACCEL_SHARED'] ?? join(import.meta.dirname, '../../../../shared')
const lab = join(shared, 'lab/handmade')
const python = spawnSync('python3', ['--version']).status === 0
const missing = !existsSync(lab) ? `no ${lab}` : !python ? 'no python3' : false

/** Prints a line of JSON for each tar that its arguments name: a list of its entries. */
const JUDGE = `
import hashlib, json, sys, tarfile
KINDS = {b'1': 'hardlink', b'2': 'symlink', b'3': 'character', b'4': 'block', b'5': 'directory', b'6': 'fifo'}
def raw(text): return text.encode('utf-8', 'surrogateescape').hex()
for path in sys.argv[1:]:
    with tarfile.open(path, 'r:') as tar:
        print(json.dumps([{
            'name': raw(m.name), 'type': 'directory' if m.isdir() else KINDS.get(m.type, 'file'),
            'linkname': raw(m.linkname) if m.issym() or m.islnk() else '', 'mode': m.mode & 0o7777,
            'uid': m.uid, 'gid': m.gid, 'uname': m.uname, 'gname': m.gname,
            'mtime': int(float(m.mtime) // 1), 'size': m.size if m.isreg() else 0,
            'dev': [m.devmajor, m.devminor] if m.isdev() and not m.isfifo() else [0, 0],
            'xattrs': sorted([raw(k[13:]), raw(v)] for k, v in m.pax_headers.items() if k.startswith('SCHILY.xattr.')),
            'content': hashlib.sha256(tar.extractfile(m).read() if m.isreg() else b'').hexdigest(),
        } for m in tar]))
`

/** The same of an entry as read here. */
function judged({ entry, content }: ReadEntry): unknown {
  const hex = (bytes: Uint8Array | undefined, text: string) =>
    Buffer.from(bytes ?? Buffer.from(text)).toString('hex')
  const xattrs = [...(entry.xattrs ?? [])].map(([name, value]) => [
    Buffer.from(name).toString('hex'),
    Buffer.from(value).toString('hex'),
  ])
  return {
    // tarfile drops the slashes at the end.
    name: hex(entry.nameBytes, entry.name).replace(/(?<=..)(2f)+$/, ''),
    type: entry.type,
    linkname: hex(entry.linknameBytes, entry.linkname),
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    uname: entry.uname,
    gname: entry.gname,
    mtime: entry.mtime,
    size: entry.size,
    dev: [entry.devMajor, entry.devMinor],
    xattrs: xattrs.toSorted(([a], [b]) => (a! < b! ? -1 : 1)),
    content: createHash('sha256').update(content).digest('hex'),
  }
}

const root = mkdtempSync(join(tmpdir(), 'lab-'))
after(() => rmSync(root, { recursive: true }))

for (const kind of ['rough', 'edge']) {
  test(`reads every layer of the ${kind} images as tarfile does`, { skip: missing }, async (t) => {
    const layout = join(root, kind)
    execFileSync(lab, [kind, layout])
    const layers = layersOf(layout)
    for (const { path, tar } of layers) writeFileSync(path, tar)
    const output = execFileSync('python3', ['-c', JUDGE, ...layers.map(({ path }) => path)], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    })
    const judgements = output.trimEnd().split('\n')
    for (const [i, { name, tar }] of layers.entries()) {
      await t.test(name, () => {
        const whole = readTar(tar)
        const expected = JSON.parse(judgements[i]!) as object[]
        // tarfile takes what stands in a v7 header at the place of owner names; Go, and so containerd, does not.
        const owner = name.startsWith('rough-v7-header') ? { uname: '', gname: '' } : {}
        assert.deepEqual(
          whole.entries.map(judged),
          expected.map((entry) => ({ ...entry, ...owner })),
        )
        // Much faster than the assertion on megabytes.
        assert(isDeepStrictEqual(readTar(tar, { pieces: [7, 100_000, 511] }), whole))
      })
    }
  })
}

/** The layers of all images of a layout, each once, and a path for the uncompressed tar. */
function layersOf(layout: string): { name: string; path: string; tar: Uint8Array }[] {
  const blob = (digest: string) => readFileSync(join(layout, 'blobs', digest.replace(':', '/')))
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as Index
  const names = new Map<string, string>()
  for (const { digest, annotations } of index.manifests) {
    const manifest = JSON.parse(blob(digest).toString()) as Manifest
    for (const [i, layer] of manifest.layers.entries()) {
      names.set(layer.digest, `${annotations['org.opencontainers.image.ref.name']} layer ${i}`)
    }
  }
  return [...names].map(([digest, name], i) => ({
    name,
    path: join(layout, `${i}.tar`),
    tar: gunzip(blob(digest)),
  }))
}

interface Index {
  manifests: { digest: string; annotations: Record<string, string> }[]
}

interface Manifest {
  layers: { digest: string }[]
}

function gunzip(blob: Uint8Array): Uint8Array {
  const decoder = openDecoder({ what: 'test' })
  decoder.push(blob)
  const pieces: Uint8Array[] = []
  for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
    pieces.push(new Uint8Array(bytes))
  }
  decoder.end()
  assert.equal(decoder.next(), undefined)
  assert.equal(decoder.compression, 'gzip')
  decoder.close()
  return Buffer.concat(pieces)
}
