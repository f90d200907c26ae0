; HEADER_BLOCK_START
; BambuStudio 01.09.05.51
; model printing time: 41m 8s; total estimated time: 1h 47m 30s
; total layer number: 90
; total filament length [mm] : 2311.47,120.53
; total filament volume [cm^3] : 5559.80
; total filament weight [g] : 7.01,0.37
; model label id: 124
; filament_density: 1.26
; max_z_height: 18.00
; HEADER_BLOCK_END

; CONFIG_BLOCK_START
; filament_settings_id = "Bambu PLA Basic @BBL X1C"
; filament_type = PLA;PLA-S
; hot_plate_temp_initial_layer = 55
; initial_layer_print_height = 0.2
; layer_height = 0.2
; nozzle_diameter = 0.4
; nozzle_temperature_initial_layer = 220
; CONFIG_BLOCK_END

M104 S220
G28
; CHANGE_LAYER
; Z_HEIGHT: 0.2
; LAYER_HEIGHT: 0.2
G1 Z.2 F30000
G1 X120 Y120 E2
