export async function benchDhcp() { return {rows:[],remarks:[]}; }
