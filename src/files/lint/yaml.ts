/** YAML files of installers and first boots: well-formed, and the slips each reader is known for. */
import { findNearest } from '../../net/nearest.ts';
import { type DataPath, parseYaml, type YamlSource } from '../yaml-source.ts';
import { collectSlips, type Slip, type Slips } from './slip.ts';

type Mapping = Readonly<Record<string, unknown>>;

/** Modules' keys of cloud-init 24, and those of its data sources. */
const CLOUD_CONFIG = (
  'ansible apk_repos apt apt_pipelining apt_sources autoinstall bootcmd byobu_by_default ca-certs ca_certs chef ' +
  'chpasswd cloud_config_modules cloud_final_modules cloud_init_modules create_hostname_file datasource datasource_list ' +
  'debug device_aliases disable_ec2_metadata disable_root disable_root_opts disk_setup drivers fan final_message fqdn fs_setup ' +
  'groups growpart grub_dpkg grub-dpkg hostname keyboard landscape launch-index locale locale_configfile lxd manage_etc_hosts ' +
  'manage_resolv_conf manual_cache_clean mcollective merge_how merge_type mount_default_fields mounts network no_ssh_fingerprints ' +
  'ntp output package_reboot_if_required package_update package_upgrade packages password phone_home power_state ' +
  'prefer_fqdn_over_hostname preserve_hostname puppet random_seed reporting resize_rootfs resolv_conf rh_subscription ' +
  'rpi rsyslog runcmd salt_minion snap spacewalk ssh ssh_authorized_keys ssh_deletekeys ssh_fp_console_blacklist ' +
  'ssh_genkeytypes ssh_import_id ssh_key_console_blacklist ssh_keys ssh_publish_hostkeys ssh_pwauth ssh_quiet_keygen swap ' +
  'system_info timezone ubuntu_advantage ubuntu_pro ubuntu_autoinstall updates user users vendor_data version wireguard ' +
  'write_files yum_repo_dir yum_repos zypper'
).split(' ');

/** Ubuntu's installer: the sections of its reference. */
const AUTOINSTALL = (
  'version interactive-sections early-commands locale refresh-installer keyboard source network proxy apt storage identity ' +
  'active-directory ubuntu-pro ssh codecs drivers oem snaps debconf-selections packages kernel kernel-crash-dumps timezone updates ' +
  'shutdown late-commands error-commands reporting user-data zdevs'
).split(' ');

const LISTS = ['runcmd', 'bootcmd', 'packages', 'write_files', 'users', 'ssh_authorized_keys', 'mounts', 'groups'];

/** What crypt(3) writes; anything else in a place for a hash lets nobody in. */
export const CRYPTED = /^(?:\$(?:1|2[aby]|5|6|7|y|gy)\$|[!*])/;

export function lintYaml(text: string): readonly Slip[] {
  const slips = collectSlips();
  for (const part of documentsOf(text)) read(slips, part.text, part.before);
  return slips.all;
}

export function lintCloudConfig(text: string): readonly Slip[] {
  const slips = collectSlips();
  if (!/^#cloud-config\s*(?:\n|$)/.test(text)) {
    slips.error(1, 1, 'cloud-init takes this for no cloud-config', 'The first line has to be "#cloud-config".');
  }
  const source = read(slips, text, 0);
  const data = source && mappingOf(slips, source);
  if (!source || !data) return slips.all;
  checkKeys(slips, source, [], data, CLOUD_CONFIG, 'cloud-init');
  for (const key of LISTS) {
    const value = data[key];
    if (value === undefined || Array.isArray(value) || (key === 'groups' && typeof value !== 'number')) continue;
    const { line, column } = source.locate([key]);
    slips.error(line, column, `"${key}" needs a list`, 'Write one item a line, each after "- ".');
  }
  if (isMapping(data.autoinstall)) checkAutoinstall(slips, source, data.autoinstall);
  return slips.all;
}

function checkAutoinstall(slips: Slips, source: YamlSource, data: Mapping): void {
  const at = (...path: DataPath) => source.locate(['autoinstall', ...path]);
  checkKeys(slips, source, ['autoinstall'], data, AUTOINSTALL, "Ubuntu's installer");
  if (data.version !== 1) {
    const { line, column } = at('version');
    slips.error(line, column, 'autoinstall needs "version: 1"');
  }
  const { identity, storage } = data;
  if (isMapping(identity)) {
    for (const key of ['hostname', 'username', 'password']) {
      if (identity[key] !== undefined) continue;
      const { line, column } = source.locateKey(['autoinstall'], 'identity');
      slips.error(line, column, `"identity" lacks "${key}"`, 'The installer stops and asks.');
    }
    if (typeof identity.password === 'string' && !CRYPTED.test(identity.password)) {
      const { line, column } = at('identity', 'password');
      slips.error(line, column, 'the password is not hashed', 'Give the output of: mkpasswd -m sha-512');
    }
  } else if (identity === undefined && data['user-data'] === undefined && data['interactive-sections'] === undefined) {
    const { line, column } = source.locateKey([], 'autoinstall');
    slips.error(line, column, 'autoinstall has neither "identity" nor "user-data"', 'The installer stops and asks.');
  }
  const layout = isMapping(storage) && isMapping(storage.layout) ? storage.layout : undefined;
  const named = isMapping(storage) && (storage.config !== undefined || (layout && isMapping(layout.match)));
  if (!named) {
    const { line, column } = source.locateKey(['autoinstall'], storage === undefined ? 'version' : 'storage');
    slips.warning(
      line,
      column,
      'no disk is named: the installer takes the largest',
      'Name it: storage.layout.match.path.',
    );
  }
}

export function lintNetworkConfig(text: string): readonly Slip[] {
  const slips = collectSlips();
  const source = read(slips, text, 0);
  const data = source && mappingOf(slips, source);
  if (!source || !data) return slips.all;
  const inner = isMapping(data.network) ? data.network : data;
  const path = inner === data ? [] : ['network'];
  if (inner.version !== 1 && inner.version !== 2) {
    const { line, column } = source.locate([...path, 'version']);
    slips.error(line, column, 'the network configuration needs "version: 2" (or 1)');
  }
  return slips.all;
}

export function lintTalos(text: string): readonly Slip[] {
  const slips = collectSlips();
  for (const part of documentsOf(text)) {
    const source = read(slips, part.text, part.before);
    if (!source || !isMapping(source.data)) continue;
    const { data } = source;
    // Other documents of the same file name themselves.
    if (data.apiVersion !== undefined) continue;
    const at = (...path: DataPath) => {
      const { line, column } = source.locate(path);
      return [line + part.before, column] as const;
    };
    if (data.version !== 'v1alpha1') slips.error(...at('version'), 'Talos needs "version: v1alpha1"');
    const machine = isMapping(data.machine) ? data.machine : undefined;
    if (!machine) slips.error(...at(), 'there is no "machine"');
    else if (!['controlplane', 'worker', 'init'].includes(String(machine.type))) {
      slips.error(...at('machine', 'type'), 'machine.type is not "controlplane" or "worker"');
    } else {
      const install = isMapping(machine.install) ? machine.install : {};
      if (install.disk === undefined && install.diskSelector === undefined) {
        slips.error(...at('machine', 'install'), 'machine.install names no disk', 'Set disk or diskSelector.');
      }
    }
    if (!isMapping(data.cluster)) slips.error(...at('cluster'), 'there is no "cluster"');
  }
  return slips.all;
}

/** Parses, and moves every problem down by `before` lines. */
function read(slips: Slips, text: string, before: number): YamlSource | undefined {
  const source = parseYaml('', text);
  for (const { line = 1, column = 1, message, advice } of source.problems) {
    slips.error(line + before, column, message, advice);
  }
  return source.problems.length === 0 ? source : undefined;
}

/** One by one, so that places stay right. */
function documentsOf(text: string): readonly { readonly text: string; readonly before: number }[] {
  const parts: { text: string; before: number }[] = [];
  let lines: string[] = [];
  let before = 0;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^---\s*$/.test(line)) {
      if (lines.some((one) => one.trim() !== '' && !one.startsWith('#')))
        parts.push({ text: lines.join('\n'), before });
      lines = [];
      before = index + 1;
    } else lines.push(line);
  }
  return [...parts, { text: lines.join('\n'), before }];
}

function mappingOf(slips: Slips, source: YamlSource): Mapping | undefined {
  if (isMapping(source.data)) return source.data;
  if (source.data !== null && source.data !== undefined)
    slips.error(1, 1, 'this has to be a mapping', 'Write "key: value" lines.');
  return undefined;
}

function checkKeys(
  slips: Slips,
  source: YamlSource,
  path: DataPath,
  data: Mapping,
  known: readonly string[],
  reader: string,
): void {
  for (const key of Object.keys(data)) {
    if (known.includes(key)) continue;
    const { line, column } = source.locateKey(path, key);
    const nearest = findNearest(key, known);
    slips.warning(
      line,
      column,
      `${reader} knows no "${key}"`,
      nearest ? `Did you mean "${nearest}"?` : 'It is not read.',
    );
  }
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
