/* A unit made of libmodbus: the identity and sample registers of the reference ultrasound unit, and nothing behind them.
   Arguments: "rtu" and a path, or "tcp" and a port. Prints "ready" when it listens. The sample counter moves. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void lay_down(uint16_t *registers)
{
    const uint16_t identity[] = {0x4D43, 1, 1, 1, 0, 4242, 0x0102, 1, 1000, 18000, 0, 7, 500, 60};
    memcpy(registers, identity, sizeof identity);
    registers[18] = 1;    /* boot counter */
    registers[27] = 3300; /* head temperature */
}

int main(int count, char **given)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int is_tcp, listening = -1, length;
    if (count != 3)
        return 2;
    is_tcp = strcmp(given[1], "tcp") == 0;
    modbus_t *line = is_tcp ? modbus_new_tcp("127.0.0.1", atoi(given[2])) : modbus_new_rtu(given[2], 19200, 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, 64, 0);
    if (line == NULL || map == NULL)
        return 3;
    lay_down(map->tab_registers);
    modbus_set_slave(line, 1);
    if (is_tcp)
        listening = modbus_tcp_listen(line, 1);
    else if (modbus_connect(line) == -1)
        return 4;
    printf("ready\n");
    fflush(stdout);
    if (is_tcp && modbus_tcp_accept(line, &listening) == -1)
        return 5;
    while ((length = modbus_receive(line, query)) >= 0 || errno != ECONNRESET) {
        if (length > 0) {
            map->tab_registers[19]++;
            modbus_reply(line, query, length, map);
        }
    }
    modbus_free(line);
    return 0;
}
