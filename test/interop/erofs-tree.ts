/** What the kernel's EROFS driver shows of an image, and what a directory of this machine holds, in one form. */
import { output } from './command.ts'
import { ignoredXattr, kinds, shown, type Tree, type TreeEntry } from './tree.ts'

/** One name, from lstat, readlink, listxattr and reading. Bytes that are not ASCII appear as latin1 characters. */
export interface SeenFile {
  path: string
  /** Octal, type bits included. */
  mode: string
  uid: number
  gid: number
  /** Nanoseconds since 1970, decimal. */
  mtime: string
  size: number
  nlink: number
  ino: number
  /** Major and minor, of devices. */
  device?: [number, number]
  target?: string
  /** Name to value in hex. */
  xattrs: Record<string, string>
  /** SHA-256 of a file's content; absent where contents are not read. */
  sha256?: string
}

/** What is mounted how. */
export interface MountInit {
  image: string
  /** Extra devices, in the order of the image's device table. */
  devices?: readonly string[]
  /** An empty directory. */
  target: string
  /** Whether to read what files hold. */
  contents: boolean
}

/**
 * Mounts an image with the kernel's own driver and lists all of it, by path. mount(2) is called directly, since mount(8) puts the
 * image on a loop device and then a plain file is refused as extra device. All happens in a mount namespace of its own,
 * which ends with the program: nothing stays mounted, whatever happens.
 */
export async function mountedTree(init: MountInit): Promise<SeenFile[]> {
  const args = [init.image, (init.devices ?? []).join(','), init.target, String(init.contents)]
  return JSON.parse(await output('python3', ['-c', PROGRAM, ...args])) as SeenFile[]
}

/** The same of a directory. */
export async function directoryTree(directory: string): Promise<SeenFile[]> {
  return JSON.parse(
    await output('python3', ['-c', PROGRAM, '', '', directory, 'true']),
  ) as SeenFile[]
}

/** The same files as `readTree` of tree.ts shows them. */
export function asTree(files: readonly SeenFile[]): Tree {
  const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
  const names = new Map<number, { name: string; entry: TreeEntry }[]>()
  const tree: Tree = new Map()
  const inOrder = files
    .map((file) => ({ file, path: bytes(file.path.slice(1)) }))
    .toSorted((a, b) => Buffer.compare(a.path, b.path))
  for (const { file, path } of inOrder) {
    const mode = BigInt(Number.parseInt(file.mode, 8))
    const entry: TreeEntry = {
      kind: kinds.get(mode & 0o170000n) ?? 'missing',
      mode: (mode & 0o7777n).toString(8).padStart(4, '0'),
      owner: `${file.uid}:${file.gid}`,
      mtime: Math.floor(Number(file.mtime) / 1e9),
    }
    if (entry.kind === 'file') {
      entry.size = file.size
      entry.content = file.sha256 ?? ''
    }
    if (file.target !== undefined) entry.content = shown(bytes(file.target))
    if (file.device !== undefined) entry.device = String(deviceNumber(...file.device))
    const xattrs = Object.entries(file.xattrs)
      .filter(([name]) => !ignoredXattr.test(name))
      .map(([name, value]) => `${latin1(name)}=${Buffer.from(value, 'hex').toString('base64')}`)
      .toSorted()
    if (xattrs.length > 0) entry.xattrs = xattrs.join(',')
    const name = path.length === 0 ? '.' : shown(path)
    tree.set(name, entry)
    if (entry.kind !== 'dir') names.set(file.ino, [...(names.get(file.ino) ?? []), { name, entry }])
  }
  for (const links of names.values()) {
    const [first] = links
    if (links.length > 1) for (const { entry } of links) entry.link = first?.name ?? ''
  }
  return tree
}

/** The bytes of a name as Latin-1 text, as `readTree` has attributes. */
function latin1(name: string): string {
  return Buffer.from(name).toString('latin1')
}

/** As stat has it. Source: glibc sysmacros.h (makedev). */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)]
  return (
    ((high & 0xfffn) << 8n) | ((high & ~0xfffn) << 32n) | (low & 0xffn) | ((low & ~0xffn) << 12n)
  )
}

const PROGRAM = `
import ctypes, hashlib, json, os, stat, sys
image, devices, top, contents = sys.argv[1:]
if image:
    libc = ctypes.CDLL(None, use_errno=True)
    def check(result):
        if result != 0:
            sys.exit('mount: ' + os.strerror(ctypes.get_errno()))
    CLONE_NEWNS, MS_REC_PRIVATE, MS_RDONLY = 0x20000, 0x44000, 1
    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(b'none', b'/', None, MS_REC_PRIVATE, None))
    options = ','.join('device=' + d for d in devices.split(',') if d)
    check(libc.mount(os.fsencode(image), os.fsencode(top), b'erofs', MS_RDONLY, os.fsencode(options)))
def text(name):
    return name.decode('latin1')
def see(path, shown):
    s = os.lstat(path)
    seen = dict(path=text(shown), mode='%o' % s.st_mode, uid=s.st_uid, gid=s.st_gid, mtime=str(s.st_mtime_ns),
                size=s.st_size, nlink=s.st_nlink, ino=s.st_ino)
    seen['xattrs'] = {n: os.getxattr(path, n, follow_symlinks=False).hex()
                      for n in os.listxattr(path, follow_symlinks=False)}
    if stat.S_ISCHR(s.st_mode) or stat.S_ISBLK(s.st_mode):
        seen['device'] = [os.major(s.st_rdev), os.minor(s.st_rdev)]
    if stat.S_ISLNK(s.st_mode):
        seen['target'] = text(os.readlink(path))
    if stat.S_ISREG(s.st_mode) and contents == 'true':
        with open(path, 'rb') as f:
            seen['sha256'] = hashlib.file_digest(f, 'sha256').hexdigest() if hasattr(hashlib, 'file_digest') \\
                else hashlib.sha256(f.read()).hexdigest()
    yield seen
    if stat.S_ISDIR(s.st_mode):
        for name in sorted(os.listdir(path)):
            yield from see(path + b'/' + name, (b'' if shown == b'/' else shown) + b'/' + name)
sys.setrecursionlimit(10000)
json.dump(list(see(os.fsencode(top), b'/')), sys.stdout)
`
