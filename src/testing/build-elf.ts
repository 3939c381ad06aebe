import { DynamicTag, ELF_MAGIC, elfForm, ElfIdent, SegmentType } from '../trace/elf/layout.ts'

export interface ElfInit {
  /** @default 64 */
  bits?: 32 | 64
  /** @default false */
  bigEndian?: boolean
  /** @default 62, x86-64 */
  machine?: number
  interpreter?: string
  needed?: readonly string[]
  rpath?: string
  runpath?: string
  /** @default 0 */
  flags1?: number
}

/** Where the segment is in memory: elsewhere than in the file, as in real programs. */
const ADDRESS = 0x40_0000

/** Makes an ELF file of headers, an interpreter, a dynamic section and its strings; it runs nowhere. */
export function buildElf(init: ElfInit = {}): Uint8Array {
  const { bits = 64, bigEndian = false, machine = 62, interpreter, needed = [] } = init
  const form = elfForm(bits / 32, bigEndian ? 2 : 1)!
  const headers = form.header.size + 3 * form.segment.size
  const strings = Buffer.from(['', ...needed, init.rpath ?? '', init.runpath ?? '', ''].join('\0'))
  const place = (text: string): number => strings.indexOf(`\0${text}\0`) + 1
  const path = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`)
  const stringsAt = headers + path.length
  const entries: [number, number][] = [
    ...needed.map((name): [number, number] => [DynamicTag.needed, place(name)]),
    [DynamicTag.stringTable, ADDRESS + stringsAt],
    [DynamicTag.stringTableSize, strings.length],
    ...(init.rpath === undefined
      ? []
      : [[DynamicTag.rpath, place(init.rpath)] as [number, number]]),
    ...(init.runpath === undefined
      ? []
      : [[DynamicTag.runpath, place(init.runpath)] as [number, number]]),
    [DynamicTag.flags1, init.flags1 ?? 0],
    [DynamicTag.end, 0],
  ]
  const dynamicAt = stringsAt + strings.length
  const dynamicSize = entries.length * form.dynamicSize
  const bytes = Buffer.alloc(dynamicAt + dynamicSize)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  form.header.encode(view, 0, {
    type: 3,
    machine,
    version: 1,
    programHeaders: form.header.size,
    flags: 0,
    headerSize: form.header.size,
    programHeaderSize: form.segment.size,
    programHeaderCount: 3,
  })
  ElfIdent.encode(view, 0, {
    magic: ELF_MAGIC,
    class: Uint8Array.of(bits / 32),
    data: Uint8Array.of(bigEndian ? 2 : 1),
  })
  const parts = [
    [SegmentType.load, 0, bytes.length],
    [interpreter === undefined ? 0 : SegmentType.interpreter, headers, path.length],
    [SegmentType.dynamic, dynamicAt, dynamicSize],
  ] as const
  for (const [i, [type, offset, fileSize]] of parts.entries()) {
    const at = form.header.size + i * form.segment.size
    form.segment.encode(view, at, { type, offset, address: ADDRESS + offset, fileSize })
  }
  path.copy(bytes, headers)
  strings.copy(bytes, stringsAt)
  for (const [i, [tag, value]] of entries.entries()) {
    const at = dynamicAt + i * form.dynamicSize
    form.word.set(view, at, tag)
    form.word.set(view, at + form.word.size, value)
  }
  return bytes
}
