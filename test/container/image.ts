/** The container image without an engine or an image registry: a base made on the spot, built by buildah, run from its file tree. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const BASE = 'localhost/hobnail-test-base';
const IMAGE = 'localhost/hobnail-test';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Runs a command to its end and gives its standard output; throws with the end of what it wrote. */
export function run(command: string, args: readonly string[], timeoutMs = 60_000): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: timeoutMs,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error || status !== 0) {
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-40).join('\n');
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${said}`);
  }
  return stdout;
}

/** What an image says of itself, in the words of the Docker image format. */
interface ImageConfig {
  readonly User: string;
  readonly WorkingDir: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly ExposedPorts: Readonly<Record<string, unknown>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

export interface BuiltImage {
  readonly config: ImageConfig;
  /** Where the file tree of a container of it is mounted. */
  readonly tree: string;
  /** A directory for the test's own files. */
  readonly work: string;
  readonly close: () => void;
}

/** Builds the Dockerfile on a base made by debootstrap. Needs root, debootstrap, buildah, apt's mirror and npm's registry. */
export function buildImage(): BuiltImage {
  const work = mkdtempSync(join(tmpdir(), 'hobnail-container-'));
  const storage = ['--root', join(work, 'storage'), '--runroot', join(work, 'run')];
  const buildah = (args: readonly string[], timeoutMs?: number) => run('buildah', [...storage, ...args], timeoutMs);
  const close = () => {
    spawnSync('buildah', [...storage, 'rm', '--all']);
    spawnSync('buildah', [...storage, 'rmi', '--all', '--force']);
    spawnSync('umount', [join(work, 'storage', 'overlay')]);
    rmSync(work, { recursive: true, force: true });
  };
  try {
    makeBase(work, buildah);
    buildah(
      [
        'bud',
        '--isolation',
        'chroot',
        '--network',
        'host',
        '--format',
        'docker',
        '--pull-never',
        '--layers=false',
      ].concat(['--build-arg', `BASE_IMAGE=${BASE}`, ...registryMounts(work), '--tag', IMAGE, root]),
      600_000,
    );
    const container = buildah(['from', '--pull-never', IMAGE]).trim();
    const tree = buildah(['mount', container]).trim();
    const inspected: { Docker: { config: ImageConfig } } = JSON.parse(buildah(['inspect', '--type', 'image', IMAGE]));
    return { config: inspected.Docker.config, tree, work, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** What the official base is, as far as the Dockerfile cares: Debian, the Node that runs this test, and npm. */
function makeBase(work: string, buildah: (args: readonly string[], timeoutMs?: number) => string): void {
  const tree = join(work, 'base');
  const suite = /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
  run('debootstrap', ['--variant=minbase', '--include=ca-certificates', suite, tree, ...systemMirror(suite)], 300_000);
  copyFileSync(process.execPath, join(tree, 'usr/local/bin/node'));
  run('npm', ['install', '--global', '--prefix', join(tree, 'usr/local'), '--ignore-scripts', 'npm@11'], 120_000);
  const container = buildah(['from', 'scratch']).trim();
  buildah(['copy', '--quiet', container, tree, '/'], 180_000);
  buildah(['commit', '--quiet', '--format', 'docker', '--rm', container, BASE], 180_000);
  rmSync(tree, { recursive: true, force: true });
}

/** The mirror this machine's apt uses for the suite; none: debootstrap's own default. */
function systemMirror(suite: string): readonly string[] {
  const targets = run('apt-get', [
    'indextargets',
    '--format',
    '$(CODENAME) $(COMPONENT) $(REPO_URI)',
    'Identifier: Packages',
  ]);
  const line = targets.split('\n').find((target) => target.startsWith(`${suite} main http`));
  return line ? [line.split(' ')[2] ?? ''] : [];
}

/** This machine's npm settings and certificates, lent to the build and to nothing that stays in the image. */
function registryMounts(work: string): readonly string[] {
  const settings = join(work, 'npmrc');
  const certificates = existsSync(CERTIFICATES) ? `cafile=${CERTIFICATES}\n` : '';
  writeFileSync(settings, `${certificates}fetch-retries=2\nfetch-timeout=60000\n`);
  const userSettings = join(homedir(), '.npmrc');
  const mounts = [`${settings}:/usr/local/etc/npmrc:ro`];
  if (certificates) mounts.push(`${CERTIFICATES}:${CERTIFICATES}:ro`);
  if (existsSync(userSettings)) mounts.push(`${userSettings}:/root/.npmrc:ro`);
  return mounts.flatMap((mount) => ['--volume', mount]);
}

/** A directory on the host for a volume of the container, owned by the container's user. */
export function makeVolume(work: string, name: string, uid: number): string {
  const directory = join(work, name);
  mkdirSync(directory, { recursive: true });
  run('chown', [`${uid}:${uid}`, directory]);
  return directory;
}
