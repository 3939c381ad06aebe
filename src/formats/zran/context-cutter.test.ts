import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { constants, crc32, deflateRawSync, gunzipSync, gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { isAccelError } from '../../errors/accel-error.ts'
import { cut } from '../../testing/read-tar.ts'
import { seeded } from '../../testing/random-file-tree.ts'
import { testTar } from '../../testing/tar-builder.ts'
import { BlobReader } from '../nydus-blob/blob-reader.ts'
import type { ZranContext } from '../nydus-blob/layout.ts'
import type { CutChunk } from './chunk-cutter.ts'
import { ContextCutter, type Contexts, type ContextSizes } from './context-cutter.ts'
import { decodeContext } from './context-decoder.ts'
import { TarChunks } from './tar-chunks.ts'

const fixtures = join(import.meta.dirname, '../../../test/fixtures/nydus/zran')

type Place = CutChunk['place'] & { size: number; digest: string }

interface CutLayer extends Contexts {
  chunks: Place[]
}

interface CutInit {
  chunkSize?: number
  sizes?: ContextSizes
  pieces?: readonly number[]
}

/** Cuts a layer, and checks that every chunk comes out of its context. */
function cutLayer(gzip: Uint8Array, init: CutInit = {}): CutLayer {
  const { chunkSize = 1024 * 1024, sizes, pieces = [] } = init
  const cutter = new ContextCutter({ what: 'test', chunkSize, ...(sizes && { sizes }) })
  const reader = new TarChunks({ what: 'test', cutter, chunkSize })
  const chunks: Place[] = []
  const drain = (): void => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type !== 'chunk') continue
      const digest = hash('sha256', event.bytes)
      chunks.push({ ...event.place, size: event.bytes.length, digest })
    }
  }
  try {
    for (const piece of cut(gzip, pieces)) {
      reader.push(piece)
      drain()
      piece.fill(0xee)
    }
    reader.end()
    drain()
    const layer = { ...cutter.finish(), chunks }
    checkChunks(gzip, layer)
    return layer
  } finally {
    cutter.bytes.close()
  }
}

function checkChunks(gzip: Uint8Array, layer: CutLayer): void {
  const outputs = layer.contexts.map(({ inOffset, inLength }, index) =>
    decodeContext(layer, index, gzip.subarray(inOffset, inOffset + inLength), 'test'),
  )
  for (const { zran, size, digest } of layer.chunks) {
    const { context, offset } = zran!
    assert.equal(hash('sha256', outputs[context]!.subarray(offset, offset + size)), digest)
  }
}

/** A context as text: in+len, out+len, dictionary, byte, bits. */
function shown(context: ZranContext): string {
  const { inOffset, inLength, outOffset, outLength } = context
  const { dictLength, previousByte, pendingBits } = context
  return `${inOffset}+${inLength}, ${outOffset}+${outLength}, ${dictLength}, ${previousByte}, ${pendingBits}`
}

test('golden: contexts, dictionaries, chunks and digests are those of nydus-image', async () => {
  const gzip = readFileSync(join(fixtures, 'two-members.tar.gz'))
  const blob = readFileSync(join(fixtures, 'two-members.nydus-blob'))
  const source = {
    size: blob.length,
    read: async (offset: number, length: number) => blob.subarray(offset, offset + length),
  }
  const reader = await BlobReader.open(source, 'golden')
  const want = await reader.chunkTable()
  const { contexts, dictionaries, chunks } = cutLayer(gzip)
  assert.deepEqual(contexts, want!.zran!.contexts)
  assert.ok(Buffer.from(dictionaries).equals(want!.zran!.dictionaries))
  // Equal chunks are stored once: the first of them.
  const stored = [...new Map(chunks.toReversed().map((chunk) => [chunk.digest, chunk])).values()]
  stored.sort((a, b) => a.compressedOffset - b.compressedOffset)
  assert.deepEqual(
    stored.map(({ compressedOffset, compressedSize, size, zran }) => [
      [compressedOffset, compressedSize, size],
      zran,
    ]),
    [...want!.chunks].map(({ compressedOffset, compressedSize, uncompressedSize, zran }) => [
      [compressedOffset, compressedSize, uncompressedSize],
      zran,
    ]),
  )
  const digests = Buffer.concat(stored.map(({ digest }) => Buffer.from(digest, 'hex')))
  assert.ok(digests.equals((await reader.digests())!))
  assert.deepEqual([chunks.length, stored.length, contexts.length], [17, 16, 4])
})

test('golden: two whole tars in two members, with small sizes and with those of nydus', () => {
  const gzip = readFileSync(join(fixtures, 'zran-two-streams.tar.gz'))
  // nydus goes on behind the end of the first tar, a TarReader does not: files are found by hand.
  const tar = gunzipSync(gzip)
  const cutWith = (chunkSize: number, sizes?: ContextSizes): string[] => {
    const cutter = new ContextCutter({ what: 'golden', chunkSize, ...(sizes && { sizes }) })
    const { bytes } = cutter
    const pass = (size: number): void => {
      for (let left = size; left > 0;) left -= bytes.read(left)
    }
    bytes.push(gzip)
    bytes.end()
    while (bytes.outOffset < tar.length) {
      const header = tar.subarray(bytes.outOffset, bytes.outOffset + 512)
      pass(512)
      const size = Number.parseInt(header.toString('latin1', 124, 135), 8) || 0
      for (let left = header[156] === 0x30 ? size : 0; left > 0;) {
        const length = Math.min(left, chunkSize)
        cutter.beginChunk(length)
        pass(length)
        cutter.endChunk()
        left -= length
      }
      pass((512 - (bytes.outOffset % 512)) % 512)
    }
    assert.equal(bytes.read(1), 0)
    return cutter.finish().contexts.map(shown)
  }
  const small = { minCompressed: 1024, maxCompressed: 2048, maxUncompressed: 4096 }
  assert.deepEqual(cutWith(512, small), [
    '10+198, 0+4623, 0, 0, 0',
    '239+6010, 10240+19456, 0, 0, 0',
    '6043+2837, 29208+8774, 18968, 223, 1',
  ])
  assert.deepEqual(cutWith(1024 * 1024), ['10+8870, 0+37982, 0, 0, 0'])
})

/** A tar of files of random sizes, words and noise. */
function randomTar(seed: number, files: number): Uint8Array {
  const random = seeded(seed)
  const tar = testTar()
  for (let i = 0; i < files; i++) {
    const content = Buffer.alloc(random(4) === 0 ? random(40_000) : random(3000))
    const symbols = [2, 20, 256][random(3)]!
    for (let at = 0; at < content.length; at++) content[at] = random(symbols)
    tar.file(`file-${i}`, content)
  }
  return tar.bytes()
}

const SMALL: ContextSizes = { minCompressed: 2000, maxCompressed: 4000, maxUncompressed: 16_000 }

const STORED = { level: 0, strategy: constants.Z_DEFAULT_STRATEGY, memLevel: 1 }

test('every chunk comes out of its context, however the gzip was made and cut', () => {
  const member = fc.record({
    level: fc.integer({ min: 0, max: 9 }),
    strategy: fc.constantFrom(constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_RLE),
    memLevel: fc.constantFrom(1, 8),
  })
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(member, { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 }),
      (seed, members, pieces) => {
        const tar = randomTar(seed, 25)
        const part = Math.ceil(tar.length / members.length)
        const gzip = Buffer.concat(
          members.map((options, i) => gzipSync(tar.subarray(i * part, (i + 1) * part), options)),
        )
        const init = { chunkSize: 4096, sizes: SMALL }
        const whole = cutLayer(gzip, init)
        assert.ok(whole.contexts.length > 1)
        assert.deepEqual(cutLayer(gzip, { ...init, pieces }), whole)
      },
    ),
    {
      numRuns: 25,
      // All input of a member is in a context that ends before its last bytes come out.
      examples: [
        [7, [STORED, STORED, { ...STORED, level: 9, strategy: constants.Z_FIXED }, STORED], [1]],
      ],
    },
  )
})

test('a chunk that ends a member: its context takes in what nydusd needs to find that out', () => {
  const tar = Buffer.from(testTar().file('a', Buffer.alloc(1024, 'a')).file('b', 'b').bytes())
  const first = gzipSync(tar.subarray(0, 512 + 1024))
  const second = gzipSync(tar.subarray(512 + 1024))
  // Each chunk in a context of its own; the second begins in its member.
  const sizes = { minCompressed: 0, maxCompressed: 0, maxUncompressed: 0 }
  const { contexts } = cutLayer(Buffer.concat([first, second]), { chunkSize: 4096, sizes })
  assert.deepEqual(
    contexts.map(({ inOffset, inLength, outLength }) => [inOffset, inLength, outLength]),
    [
      // The rest of the member, the next header, a byte.
      [10, first.length - 10 + 10 + 1, 512 + 1024],
      [first.length + 10, contexts[1]!.inLength, 512 + 1],
    ],
  )
})

test('one chunk ends a member, another begins with the next and has a context of its own', () => {
  const tar = testTar().file('a', Buffer.alloc(8192, 'ab')).bytes()
  const border = 512 + 4096
  // Two blocks with content: the second context begins at the second, before the members change.
  const blocks = [
    deflateRawSync(tar.subarray(0, 2000), { finishFlush: constants.Z_FULL_FLUSH }),
    deflateRawSync(tar.subarray(2000, border)),
  ]
  const model = gzipSync(tar.subarray(0, border))
  const first = Buffer.concat([model.subarray(0, 10), ...blocks, model.subarray(-8)])
  const gzip = Buffer.concat([first, gzipSync(tar.subarray(border))])
  const sizes = { minCompressed: 0, maxCompressed: 0, maxUncompressed: 0 }
  const { contexts } = cutLayer(gzip, { chunkSize: 4096, sizes })
  assert.deepEqual(
    contexts.map(({ outOffset, outLength }) => [outOffset, outLength]),
    [
      [0, border],
      [2000, border - 2000 + 4096],
    ],
  )
  assert.equal(contexts[0]!.inLength, first.length - 10 + 10 + 1)
})

test('a chunk that begins with a member, behind a context that is full: begun before it', () => {
  const tar = Buffer.from(testTar().file('a', Buffer.alloc(900, 'a')).file('b', 'bb').bytes())
  const border = 512 + 1024 + 512
  const gzip = Buffer.concat([gzipSync(tar.subarray(0, border)), gzipSync(tar.subarray(border))])
  const sizes = { minCompressed: 0, maxCompressed: 0, maxUncompressed: 0 }
  const { contexts, chunks } = cutLayer(gzip, { chunkSize: 4096, sizes })
  assert.deepEqual([contexts.length, chunks.length], [1, 2])
})

const unsuitable: Record<string, [Uint8Array, RegExp]> = {
  'a layer that ends with a chunk': [
    gzipSync(testTar().file('a', Buffer.alloc(512, 'a')).bytes({ end: false })),
    /ends with a chunk/,
  ],
  'a sparse file': [
    gzipSync(
      testTar()
        .file('a', 'data', {
          pax: { 'GNU.sparse.map': '0,4', 'GNU.sparse.size': '9000', 'GNU.sparse.numblocks': '1' },
        })
        .bytes(),
    ),
    /sparse file/,
  ],
  'a block of more than 16 MiB': [oneBlock(17 * 1024 * 1024), /only together/],
}

/** A tar of one file of zeros: its header in a stored block, all else in one of the fixed codes. */
function oneBlock(size: number): Uint8Array {
  const tar = testTar().file('zeros', Buffer.alloc(size)).bytes()
  const stored = Buffer.concat([Buffer.from([0, 0, 2, 0xff, 0xfd]), tar.subarray(0, 512)])
  const zeros = tar.length - 512
  const literals = 1 + ((zeros - 1) % 258)
  const matches = (zeros - literals) / 258
  const bits = `110${'00110000'.repeat(literals)}${'1100010100000'.repeat(matches)}0000000`
  const fixed = Buffer.alloc(Math.ceil(bits.length / 8))
  for (let i = 0; i < bits.length; i++) if (bits[i] === '1') fixed[i >> 3]! |= 1 << (i & 7)
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(tar))
  trailer.writeUInt32LE(tar.length, 4)
  return Buffer.concat([Buffer.from('1f8b08000000000000ff', 'hex'), stored, fixed, trailer])
}

for (const [name, [gzip, text]] of Object.entries(unsuitable)) {
  test(`${name} cannot be read where it is`, () => {
    assert.throws(
      () => cutLayer(gzip),
      (error) => isAccelError(error, 'ZRAN_LAYER_UNSUITABLE') && text.test(error.message),
    )
  })
}

test('a context that is not the layer’s is told', () => {
  const gzip = gzipSync(randomTar(5, 25))
  const layer = cutLayer(gzip, { chunkSize: 4096, sizes: SMALL })
  const { inOffset, inLength } = layer.contexts[1]!
  const compressed = gzip.subarray(inOffset, inOffset + inLength)
  const decode = (bytes: Uint8Array, change: Partial<ZranContext> = {}): Uint8Array => {
    const contexts = layer.contexts.with(1, { ...layer.contexts[1]!, ...change })
    return decodeContext({ ...layer, contexts }, 1, bytes, 'test')
  }
  const invalid = (error: unknown): boolean => {
    assert.ok(isAccelError(error, 'FORMAT_INVALID'))
    assert.match(error.message, /^test, zran context 1: /)
    return true
  }
  assert.equal(decode(compressed).length, layer.contexts[1]!.outLength)
  assert.throws(() => decode(compressed.subarray(1)), invalid)
  assert.throws(() => decode(compressed, { outLength: 2 ** 24 + 1 }), invalid)
  assert.throws(() => decode(compressed, { outLength: 100_000 }), invalid)
  assert.throws(() => decode(Buffer.alloc(inLength, 0xff)), invalid)
})
