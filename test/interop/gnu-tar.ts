/** Layers that the machine's GNU tar writes, in forms that only it writes. */
import {
  mkdtempSync,
  openSync,
  closeSync,
  ftruncateSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { output } from './command.ts'

/** A tar with a file, then a sparse file of 8 MiB with 30 extents, written with these options. */
export async function sparseTar(options: string[]): Promise<Uint8Array> {
  const scratch = mkdtempSync(join(tmpdir(), 'sparse-'))
  try {
    writeFileSync(join(scratch, 'before'), 'the entry before it\n')
    const file = openSync(join(scratch, 'sparse'), 'w')
    ftruncateSync(file, 8 * 1024 * 1024)
    for (let i = 0; i < 30; i++) writeSync(file, `extent ${i}`, i * 200_704)
    closeSync(file)
    const fixed = ['--sparse', '--owner=0', '--group=0', '--mode=0644', '--mtime=@1600000000']
    const archive = join(scratch, 'tar')
    await output('tar', ['-C', scratch, ...fixed, ...options, '-cf', archive, 'before', 'sparse'])
    return readFileSync(archive)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
