/** Request target → virtual path, as firmware, loaders and proxies write it. */

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The path of a request target, decoded, without leading and doubled slashes, query or fragment. shim asks for
 * `/x64//grubx64.efi`; a proxy sends `http://host/path`. Undefined for what is no path: `*`, a broken percent sign,
 * bytes that are not UTF-8. `..` and control characters are left in: the resolver refuses them.
 */
export function decodeRequestPath(target: string): string | undefined {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  if (path !== '' && !path.startsWith('/')) return undefined;
  // One character a byte: Node's parser lets nothing but ASCII through.
  const bytes = Buffer.from(path, 'latin1');
  const decoded = bytes.includes(0x25) ? unescapePercent(bytes) : bytes;
  if (!decoded) return undefined;
  try {
    return UTF8.decode(decoded)
      .replace(/\/{2,}/g, '/')
      .replace(/^\//, '');
  } catch {
    return undefined;
  }
}

/** Undefined when a percent sign is not followed by two hex digits. Decodes once: `%252e` is the text `%2e`. */
function unescapePercent(bytes: Uint8Array): Uint8Array | undefined {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i] ?? 0;
    if (byte === 0x25) {
      const digits = String.fromCharCode(bytes[i + 1] ?? 0, bytes[i + 2] ?? 0);
      if (!/^[0-9a-f]{2}$/i.test(digits)) return undefined;
      byte = Number.parseInt(digits, 16);
      i += 2;
    }
    out[length++] = byte;
  }
  return out.subarray(0, length);
}
