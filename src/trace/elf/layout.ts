/**
 * Records of an ELF file, in the four forms that they have. Source: System V ABI, chapters 4 and 5 ("Object Files",
 * "Program Loading and Dynamic Linking").
 */
import { layout, type Of } from '../../bytes/layout.ts'
import { bytes, u16le, u32le, u64le, zeros, type Scalar } from '../../bytes/scalar.ts'

const u16be: Scalar<number> = {
  name: 'u16be',
  size: 2,
  get: (view, at) => view.getUint16(at),
  set: (view, at, value) => view.setUint16(at, value),
}

const u32be: Scalar<number> = {
  name: 'u32be',
  size: 4,
  get: (view, at) => view.getUint32(at),
  set: (view, at, value) => view.setUint32(at, value),
}

const u64be: Scalar<number> = {
  name: 'u64be',
  size: 8,
  get: (view, at) => view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4),
  set: (view, at, value) => {
    view.setUint32(at, Math.floor(value / 0x1_0000_0000))
    view.setUint32(at + 4, value % 0x1_0000_0000)
  },
}

/** First bytes of the file, alike in all forms. */
export const ElfIdent = layout('elf_ident', 16, {
  magic: [0, bytes(4), '7f "ELF"'],
  class: [4, bytes(1), '1: words of 32 bits, 2: of 64'],
  data: [5, bytes(1), '1: little endian, 2: big'],
  rest: [6, zeros(10), 'version, ABI'],
})

export const ELF_MAGIC = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)

/** Kinds of segments. */
export const SegmentType = { load: 1, dynamic: 2, interpreter: 3 } as const

/** Tags of the dynamic section. */
export const DynamicTag = {
  end: 0,
  needed: 1,
  stringTable: 5,
  stringTableSize: 10,
  rpath: 15,
  runpath: 29,
  flags1: 0x6fff_fffb,
} as const

/** Of flags1: default directories are not searched. */
export const NO_DEFAULT_DIRECTORIES = 0x800

/** The records of one form. */
// oxlint-disable-next-line typescript/explicit-function-return-type -- it is what the tables give
function formOf(u16: Scalar<number>, u32: Scalar<number>, word: Scalar<number>) {
  const w = word.size
  const header = layout('elf_header', 40 + 3 * w, {
    ident: [0, zeros(16), 'ElfIdent'],
    type: [16, u16, '2: program, 3: library or program'],
    machine: [18, u16, 'instruction set'],
    version: [20, u32, '1'],
    entry: [24, zeros(w), 'address of the first instruction'],
    programHeaders: [24 + w, word, 'where they begin in the file'],
    sectionHeaders: [24 + 2 * w, zeros(w), 'not needed to run it'],
    flags: [24 + 3 * w, u32, 'of the processor'],
    headerSize: [28 + 3 * w, u16, 'bytes of this record'],
    programHeaderSize: [30 + 3 * w, u16, 'bytes of each'],
    programHeaderCount: [32 + 3 * w, u16, 'ffff: elsewhere'],
    sections: [34 + 3 * w, zeros(6), 'not needed to run it'],
  })
  // In files of 64 bits the flags stand behind the type, so that words are aligned.
  const wide = w === 8
  const places = wide ? { offset: 8, end: 40 } : { offset: 4, end: 20 }
  const segment = layout('elf_program_header', wide ? 56 : 32, {
    type: [0, u32, 'what it is for'],
    before: [4, zeros(places.offset - 4), 'flags, where words have 64 bits'],
    offset: [places.offset, word, 'where it begins in the file'],
    address: [places.offset + w, word, 'where it begins in memory'],
    physicalAddress: [places.offset + 2 * w, zeros(w), 'not used'],
    fileSize: [places.offset + 3 * w, word, 'bytes in the file'],
    after: [places.end, zeros((wide ? 56 : 32) - places.end), 'bytes in memory, flags, alignment'],
  })
  return { header, segment, word, dynamicSize: 2 * w }
}

export type ElfForm = ReturnType<typeof formOf>
export type ElfHeader = Of<ElfForm['header']>
export type ElfSegment = Of<ElfForm['segment']>

const little = [formOf(u16le, u32le, u32le), formOf(u16le, u32le, u64le)]
const big = [formOf(u16be, u32be, u32be), formOf(u16be, u32be, u64be)]

/** The form that class and data of ElfIdent name. */
export function elfForm(elfClass: number, data: number): ElfForm | undefined {
  return { 1: little, 2: big }[data]?.[elfClass - 1]
}
